using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>
/// Keeps a driver from taking signals that .NET makes exceptions of. PoCL's handler of SIGFPE would let an integer division by
/// zero anywhere in the process give a number instead of a <see cref="DivideByZeroException"/>.
/// </summary>
internal static unsafe partial class HostSignals
{
    // larger than struct sigaction of any Linux
    private const int ActionBytes = 512;

    // SIGILL, SIGBUS, SIGFPE, SIGSEGV
    private static readonly int[] Signals = [4, 7, 8, 11];

    /// <summary>Does something with the driver, and gives the host's handlers back afterwards.</summary>
    public static T Keep<T>(Func<T> work)
    {
        if (!OperatingSystem.IsLinux())
        {
            return work();
        }

        byte* kept = stackalloc byte[Signals.Length * ActionBytes];
        for (int i = 0; i < Signals.Length; i++)
        {
            Check(SigAction(Signals[i], null, kept + (i * ActionBytes)));
        }

        try
        {
            return work();
        }
        finally
        {
            for (int i = 0; i < Signals.Length; i++)
            {
                Check(SigAction(Signals[i], kept + (i * ActionBytes), null));
            }
        }
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException("sigaction refuses to read or set a signal's handler");
        }
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int SigAction(int signal, byte* action, byte* former);
}
