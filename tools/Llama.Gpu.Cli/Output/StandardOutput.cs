using Microsoft.Win32.SafeHandles;

namespace Llama.Gpu.Cli.Output;

/// <summary>The process's standard output as bytes.</summary>
internal static class StandardOutput
{
    // file descriptor 1, everywhere but on Windows
    private const int Descriptor = 1;

    /// <summary>
    /// Opens it. The console's own stream drops what a closed pipe does not take, so that <c>| head</c> would leave the program working
    /// for nobody: a pipe is written as a file, whose write fails.
    /// </summary>
    public static Stream Open()
    {
        if (OperatingSystem.IsWindows())
        {
            return Console.OpenStandardOutput();
        }

        // a file that standard error may write too is left to the console's stream, which keeps no position of its own
        var pipe = new FileStream(new SafeFileHandle(Descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return pipe.CanSeek ? Console.OpenStandardOutput() : pipe;
    }
}
