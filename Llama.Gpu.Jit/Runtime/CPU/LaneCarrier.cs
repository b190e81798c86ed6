namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// A thread's stack that lanes run on. A lane that suspends keeps its carrier until it is done; one that never suspends leaves
/// it free for the next. Only the carrier that holds the baton runs, so nothing the carriers share needs a lock.
/// </summary>
internal sealed class LaneCarrier : IDisposable
{
    private const int StackBytes = 256 * 1024;

    private readonly AutoResetEvent _baton = new(false);
    private readonly Lane _lane;
    private readonly Thread? _thread;
    private GroupRun? _group;
    private int _first;

    /// <param name="ownThread">Whether it has a thread of its own, or works on the one that calls <see cref="RunFrom"/>.</param>
    public LaneCarrier(bool ownThread)
    {
        _lane = new Lane(this);
        if (ownThread)
        {
            _thread = new Thread(Work, StackBytes) { IsBackground = true, Name = "llama-gpu lane" };
            _thread.Start();
        }
    }

    /// <summary>Blocks until the baton comes.</summary>
    public void Wait() => _baton.WaitOne();

    /// <summary>Hands the baton to this carrier, whose lane waits for it.</summary>
    public void Resume() => _baton.Set();

    /// <summary>Hands the baton to this idle carrier, to run lanes of a group from <paramref name="first"/> on.</summary>
    public void Start(GroupRun group, int first)
    {
        _group = group;
        _first = first;
        _baton.Set();
    }

    /// <summary>
    /// Runs a lane, then as many unstarted ones as come next. Returns whether the group is over; if not, the baton has gone
    /// elsewhere, and nothing of the group may be looked at.
    /// </summary>
    public bool RunFrom(GroupRun group, int first)
    {
        int index = first;
        while (index >= 0)
        {
            _lane.Begin(group, index);
            group.RunLane(_lane);
            index = group.PassOn(this, index);
        }

        return index == GroupRun.Over;
    }

    public void Dispose()
    {
        if (_thread is not null)
        {
            _group = null;
            _baton.Set();
            _thread.Join();
        }

        _lane.Release();
        _baton.Dispose();
    }

    private void Work()
    {
        for (Wait(); _group is not null; Wait())
        {
            RunFrom(_group, _first);
        }
    }
}
