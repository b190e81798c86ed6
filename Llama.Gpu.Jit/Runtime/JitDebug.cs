using System.Diagnostics;
using System.Globalization;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// What compiling a kernel says on stderr, by the environment variable <c>LLAMA_JIT_DEBUG</c>: 1 how long each step took, 2 the
/// emitted code too, 3 the IR that it was made of too, 4 the IR as the frontend made it too, 5 what the driver says of its build too.
/// </summary>
internal static class JitDebug
{
    public const int Timings = 1;
    public const int Code = 2;
    public const int FinalIr = 3;
    public const int FrontendIr = 4;
    public const int BuildLog = 5;

    private static readonly int Level =
        int.TryParse(Environment.GetEnvironmentVariable("LLAMA_JIT_DEBUG"), NumberStyles.None, CultureInfo.InvariantCulture, out int level)
            ? level
            : 0;

    /// <summary>Whether what is made on the way is to be shown, so that kernels must be compiled even where they are at hand.</summary>
    public static bool ShowsCode => Level >= Code;

    /// <summary>Writes a text, made only if its level is asked for.</summary>
    public static void Write(int level, string kernel, string what, Func<string> text)
    {
        if (Level >= level)
        {
            Console.Error.WriteLine($"jit: {kernel}: {what}\n{text()}");
        }
    }

    /// <summary>Does a step of a kernel's compilation and says how long it took.</summary>
    public static T Time<T>(string kernel, string step, Func<T> work)
    {
        long start = Stopwatch.GetTimestamp();
        T result = work();
        if (Level >= Timings)
        {
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"jit: {kernel}: {step} {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0.00} ms"));
        }

        return result;
    }

    /// <summary>Does a step of a kernel's compilation and says how long it took.</summary>
    public static void Time(string kernel, string step, Action work) => Time(kernel, step, () =>
    {
        work();
        return true;
    });
}
