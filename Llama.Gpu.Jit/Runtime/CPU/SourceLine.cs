using System.Diagnostics;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>A C# line of a kernel, or of a helper that it calls.</summary>
/// <param name="File">The file, if the debug information names one.</param>
/// <param name="Line">The line, or 0.</param>
internal readonly record struct SourceLine(string? File, int Line)
{
    /// <summary>The line that threw.</summary>
    public static SourceLine Of(Exception exception) => Of(new StackTrace(exception, fNeedFileInfo: true));

    /// <summary>The line that runs on this thread.</summary>
    public static SourceLine Current() => Of(new StackTrace(fNeedFileInfo: true));

    public KernelLocation At(Index3D group, Index3D lane) => new(group, lane, File, Line);

    // the innermost frame outside this assembly that has a file: the runtime's own frames and the framework's say nothing of the kernel
    private static SourceLine Of(StackTrace trace)
    {
        foreach (StackFrame frame in trace.GetFrames())
        {
            if (frame.GetFileName() is { } file && frame.GetMethod()?.Module.Assembly != typeof(SourceLine).Assembly)
            {
                return new(file, frame.GetFileLineNumber());
            }
        }

        return default;
    }
}
