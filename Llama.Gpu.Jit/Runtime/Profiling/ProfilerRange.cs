using System.Globalization;

namespace Llama.Gpu.Jit.Runtime.Profiling;

/// <summary>
/// A named stretch of the calling thread on a profiler's timeline (an NVTX range), from <see cref="Begin(string)"/> to disposal; ranges lie
/// within each other. Every launch of a kernel is one, by the kernel's name. Where no profiler has started the process, nothing happens.
/// </summary>
public readonly struct ProfilerRange : IDisposable
{
    // a constant to the compiler once this type is ready: without a profiler, nothing is left of a range
    private static readonly NvtxInjection? Profiler = NvtxInjection.TryAttach(Environment.GetEnvironmentVariable(NvtxInjection.Variable));

    /// <summary>Whether a profiler takes ranges.</summary>
    public static bool IsTaken => Profiler is not null;

    /// <summary>Begins a range.</summary>
    public static ProfilerRange Begin(string name)
    {
        Profiler?.Push(name);
        return default;
    }

    /// <summary>Begins a range whose name ends with a number, such as <c>layer 3</c>.</summary>
    public static ProfilerRange Begin(string name, int number)
    {
        Profiler?.Push(string.Create(CultureInfo.InvariantCulture, $"{name} {number}"));
        return default;
    }

    /// <summary>Ends the range.</summary>
    public void Dispose() => Profiler?.Pop();
}
