namespace Llama.Gpu.Jit.Runtime.Simd;

/// <summary>
/// Threads that stay, one for each further core. After a launch they spin for the time that a token's next launch takes to come,
/// because waking a thread that sleeps costs more than most launches; then they sleep. One piece of work at a time.
/// </summary>
internal sealed class SimdWorkers : IDisposable
{
    // about a quarter of a millisecond: between two launches of a token lie a few microseconds
    private const int SpinTurns = 8_000;

    // of what is left for each thread, the part that a claim takes
    private const int ClaimShare = 4;

    private readonly Thread[] _threads;
    private readonly SimdScratch[] _scratch;
    private readonly SemaphoreSlim _wake = new(0);
    private Parts? _work;
    private long _count;
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

    /// <summary>Does parts of some work, such as groups of a launch.</summary>
    /// <param name="first">The first part.</param>
    /// <param name="end">The one behind the last.</param>
    /// <param name="scratch">Memory of the thread that does them.</param>
    public delegate void Parts(long first, long end, SimdScratch scratch);

    /// <summary>Does all parts of some work; the calling thread takes part.</summary>
    /// <param name="count">Number of parts.</param>
    /// <param name="inOrder">Whether one must follow the other.</param>
    /// <param name="work">Does some of them.</param>
    public void Run(long count, bool inOrder, Parts work)
    {
        if (count == 1 || _threads.Length == 0 || inOrder)
        {
            work(0, count, _scratch[0]);
            return;
        }

        _work = work;
        _count = count;
        _next = 0;
        _fault = null;
        Volatile.Write(ref _open, 1);
        Interlocked.MemoryBarrier();
        int asleep = Volatile.Read(ref _asleep) > 0 ? Interlocked.Exchange(ref _asleep, 0) : 0;
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

    /// <summary>Threads that have been woken and have not come yet.</summary>
    internal int Waking => _wake.CurrentCount;

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

    // Who wakes a thread takes it out of the count, so that each is woken once: one that is slow to come would otherwise be woken by every
    // launch until then, and spin as often for nothing later, on a core that others could use.
    private void Sleep()
    {
        Interlocked.Increment(ref _asleep);
        if ((Volatile.Read(ref _open) == 0 && !_stopped) || !TryLeaveCount())
        {
            _wake.Wait();
        }
    }

    // fails if a launch has counted this thread in already: then there is a turn of the semaphore for it
    private bool TryLeaveCount()
    {
        for (int asleep = Volatile.Read(ref _asleep); asleep > 0; asleep = Volatile.Read(ref _asleep))
        {
            if (Interlocked.CompareExchange(ref _asleep, asleep - 1, asleep) == asleep)
            {
                return true;
            }
        }

        return false;
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

                _work!(first, end, scratch);
            }
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref _fault, exception, null);
            Interlocked.Exchange(ref _next, _count);
        }
    }

    // a share of what is left: few claims where much is, and none so large at the end that the others wait for it
    private (long First, long End) Claim()
    {
        while (true)
        {
            long first = Volatile.Read(ref _next);
            long end = Math.Min(_count, first + Math.Max(1, (_count - first) / (ClaimShare * (_threads.Length + 1))));
            if (first >= end || Interlocked.CompareExchange(ref _next, end, first) == first)
            {
                return (first, end);
            }
        }
    }
}
