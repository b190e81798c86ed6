namespace Llama.Gpu.Jit.Runtime.Simd;

/// <summary>
/// Threads that stay, one for each further core. After a launch they spin for the time that a token's next launch takes to come,
/// because waking a thread that sleeps costs more than most launches; then they sleep. One launch at a time.
/// </summary>
internal sealed unsafe class SimdWorkers : IDisposable
{
    // about a quarter of a millisecond: between two launches of a token lie a few microseconds
    private const int SpinTurns = 8_000;

    // of what is left for each thread, the part that a claim takes
    private const int ClaimShare = 4;

    private readonly Thread[] _threads;
    private readonly SimdScratch[] _scratch;
    private readonly SemaphoreSlim _wake = new(0);
    private SimdKernel? _kernel;
    private KernelConfig _config;
    private long* _arguments;
    private long _groups;
    private long _next;
    private Exception? _fault;
    private int _open;
    private int _inside;
    private int _asleep;
    private volatile bool _stopped;

    public SimdWorkers(int count)
    {
        _scratch = [.. Enumerable.Range(0, count).Select(_ => new SimdScratch())];
        _threads = [.. Enumerable.Range(1, count - 1).Select(Start)];
    }

    /// <summary>Runs all groups of a launch; the calling thread takes part.</summary>
    public void Run(SimdKernel kernel, in KernelConfig config, long* arguments)
    {
        bool ordered = kernel.Prepare(config);
        long groups = (long)config.GridDim.X * config.GridDim.Y * config.GridDim.Z;
        if (groups == 1 || _threads.Length == 0 || ordered)
        {
            kernel.Run(config, arguments, 0, groups, _scratch[0]);
            return;
        }

        _kernel = kernel;
        _config = config;
        _arguments = arguments;
        _groups = groups;
        _next = 0;
        _fault = null;
        Volatile.Write(ref _open, 1);
        Interlocked.MemoryBarrier();
        int asleep = Volatile.Read(ref _asleep);
        if (asleep > 0)
        {
            _wake.Release(asleep);
        }

        Work(_scratch[0]);
        Volatile.Write(ref _open, 0);
        Interlocked.MemoryBarrier();
        var spin = default(SpinWait);
        while (Volatile.Read(ref _inside) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }

        if (_fault is { } fault)
        {
            throw fault;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopped = true;
        _wake.Release(_threads.Length + 1);
        Array.ForEach(_threads, thread => thread.Join());
        Array.ForEach(_scratch, scratch => scratch.Dispose());
        _wake.Dispose();
    }

    private Thread Start(int index)
    {
        var thread = new Thread(() => Loop(_scratch[index])) { IsBackground = true, Name = $"simd {index}" };
        thread.Start();
        return thread;
    }

    private void Loop(SimdScratch scratch)
    {
        int idle = 0;
        while (!_stopped)
        {
            if (Volatile.Read(ref _open) != 0)
            {
                Join(scratch);
                idle = 0;
            }
            else if (++idle < SpinTurns)
            {
                Thread.SpinWait(4);
            }
            else
            {
                Sleep();
                idle = 0;
            }
        }
    }

    // A launch that opens between the two looks at _open sees this thread counted as asleep, and wakes it for nothing or for good.
    private void Sleep()
    {
        Interlocked.Increment(ref _asleep);
        if (Volatile.Read(ref _open) == 0 && !_stopped)
        {
            _wake.Wait();
        }

        Interlocked.Decrement(ref _asleep);
    }

    // Counted as inside before looking again: the launching thread closes first and then waits until nobody is inside.
    private void Join(SimdScratch scratch)
    {
        Interlocked.Increment(ref _inside);
        if (Volatile.Read(ref _open) != 0)
        {
            Work(scratch);
        }

        Interlocked.Decrement(ref _inside);
    }

    private void Work(SimdScratch scratch)
    {
        try
        {
            while (true)
            {
                (long first, long end) = Claim();
                if (first >= end)
                {
                    return;
                }

                _kernel!.Run(_config, _arguments, first, end, scratch);
            }
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref _fault, exception, null);
            Interlocked.Exchange(ref _next, _groups);
        }
    }

    // a share of what is left: few claims where much is, and none so large at the end that the others wait for it
    private (long First, long End) Claim()
    {
        while (true)
        {
            long first = Volatile.Read(ref _next);
            long end = Math.Min(_groups, first + Math.Max(1, (_groups - first) / (ClaimShare * (_threads.Length + 1))));
            if (first >= end || Interlocked.CompareExchange(ref _next, end, first) == first)
            {
                return (first, end);
            }
        }
    }
}
