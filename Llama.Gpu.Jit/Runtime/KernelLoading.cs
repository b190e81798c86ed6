using System.Diagnostics;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>What an accelerator has spent so far on making kernels ready to launch.</summary>
/// <param name="Compiled">Kernels compiled from their IL; one that is compiled for several launches counts each time.</param>
/// <param name="FromCache">Kernels taken from the cache on disk instead.</param>
/// <param name="Time">
/// The host's time for it: keys, the cache, frontend, passes, emission, the driver's build, and the launchers' own code. What a launch
/// compiles when it is the first to need it is part of it.
/// </param>
public readonly record struct KernelLoading(int Compiled, int FromCache, TimeSpan Time);

/// <summary>Adds up what <see cref="KernelLoading"/> says. Any number of threads may use it; their times add up.</summary>
internal sealed class KernelLoadMeter
{
    [ThreadStatic]
    private static bool _isRunning;

    private int _compiled;
    private int _fromCache;
    private long _ticks;

    public KernelLoading Sum => new(_compiled, _fromCache, Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _ticks)));

    public void CountCompiled() => Interlocked.Increment(ref _compiled);

    public void CountFromCache() => Interlocked.Increment(ref _fromCache);

    /// <summary>Does work and adds its time, unless it is part of work that is being measured already.</summary>
    public T Measure<T>(Func<T> work)
    {
        if (_isRunning)
        {
            return work();
        }

        long start = Stopwatch.GetTimestamp();
        _isRunning = true;
        try
        {
            return work();
        }
        finally
        {
            _isRunning = false;
            Interlocked.Add(ref _ticks, Stopwatch.GetTimestamp() - start);
        }
    }
}
