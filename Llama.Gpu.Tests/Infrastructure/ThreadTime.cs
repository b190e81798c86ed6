using System.Runtime.InteropServices;

namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>How long this thread has computed: what other work on the machine does not lengthen.</summary>
internal static partial class ThreadTime
{
    private const int ThreadCpuClock = 3; // CLOCK_THREAD_CPUTIME_ID

    /// <summary>Processor time that some work on this thread takes; the time on the clock where the system does not tell.</summary>
    public static TimeSpan Of(Action work)
    {
        var before = Now();
        work();
        return Now() - before;
    }

    private static TimeSpan Now() =>
        OperatingSystem.IsLinux() && GetTime(ThreadCpuClock, out var time) == 0
            ? TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromMicroseconds(time.Nanoseconds / 1000)
            : TimeSpan.FromMilliseconds(Environment.TickCount64);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out Time time);

    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
