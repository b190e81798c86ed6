using System.Runtime.CompilerServices;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// Runs the groups of a launch one after the other, x fastest. Within a group the lanes run in order of their index; a lane that
/// reaches a barrier or a warp operation waits and the next one goes on, and when no lane can go on, those whose barrier is
/// complete are released, lowest first. So a launch always takes the same course.
/// </summary>
internal sealed class GroupRun
{
    /// <summary>What <see cref="PassOn"/> returns when every lane is finished.</summary>
    public const int Over = -1;

    private const int HandedOver = -2;
    private const int SlotBytes = 64;

    private readonly string _kernel;
    private readonly Action _body;
    private readonly LaneState[] _states;
    private readonly int[] _lines;
    private readonly LaneCarrier?[] _carriers;
    private readonly byte[] _slots;
    private readonly PhaseWait?[] _waits;
    private int _finished;
    private Exception? _fault;
    private BarrierDivergence? _divergence;

    public GroupRun(CPUAccelerator accelerator, string kernel, in KernelConfig config, Action body, Sanitizer? sanitizer)
    {
        Accelerator = accelerator;
        Config = config;
        Sanitizer = sanitizer;
        WarpSize = accelerator.WarpSize;
        LaneCount = config.GroupDim.Size;
        _kernel = kernel;
        _body = body;
        _states = new LaneState[LaneCount];
        _lines = new int[LaneCount];
        _carriers = new LaneCarrier?[LaneCount];
        _waits = new PhaseWait?[LaneCount];
        Phases = new(this);
        _slots = LaneCount == 1 ? [] : new byte[LaneCount * 2 * SlotBytes];
    }

    public CPUAccelerator Accelerator { get; }

    public KernelConfig Config { get; }

    public Sanitizer? Sanitizer { get; }

    public int WarpSize { get; }

    public int LaneCount { get; }

    /// <summary>Its barriers with phases.</summary>
    public PhaseBarriers Phases { get; }

    /// <summary>The group that runs.</summary>
    public Index3D Index { get; private set; }

    /// <summary>The dynamic shared memory of the group; of no length where the launch requested none.</summary>
    public MemoryBuffer DynamicShared { get; private set; } = null!;

    /// <summary>Runs every group.</summary>
    /// <exception cref="KernelFaultException">A lane failed; the rest of the launch was abandoned.</exception>
    public void Run()
    {
        Index3D grid = Config.GridDim;
        for (int z = 0; z < grid.Z; z++)
        {
            for (int y = 0; y < grid.Y; y++)
            {
                for (int x = 0; x < grid.X; x++)
                {
                    RunGroup(new Index3D(x, y, z));
                }
            }
        }
    }

    /// <summary>A lane's slot for exchanges.</summary>
    public ref T Slot<T>(int lane, int parity)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() > SlotBytes)
        {
            throw new InvalidKernelOperationException($"lanes exchange values of at most {SlotBytes} bytes, found {typeof(T).Name}");
        }

        return ref Unsafe.As<byte, T>(ref _slots[((lane * 2) + parity) * SlotBytes]);
    }

    /// <summary>Runs the kernel for one lane; a fault ends the group.</summary>
    public void RunLane(Lane lane)
    {
        int index = lane.LinearIndex;
        _carriers[index] = lane.Carrier;
        try
        {
            Sanitizer?.BeginTurn(lane);
            _body();
            Sanitizer?.EndTurn();
        }
        catch (LaneAbandonedException abandoned)
        {
            if (_divergence is { } divergence && divergence.Lane == index)
            {
                _fault = new KernelBarrierDivergenceException(_kernel, Location(lane, abandoned), divergence.Problem);
            }
        }
        catch (Exception exception)
        {
            Abandon(Fault(lane, exception));
        }

        lane.Copies.Drop();
        lane.Products.Drop();
        _states[index] = LaneState.Finished;
        _finished++;
    }

    /// <summary>
    /// After a lane on <paramref name="carrier"/> is done: the unstarted lane that this carrier runs next, or a negative number
    /// where there is none: <see cref="Over"/>, or the baton has gone to a suspended lane or to the launching thread.
    /// </summary>
    public int PassOn(LaneCarrier carrier, int from)
    {
        LaneCarrier main = Accelerator.Carriers.Main;
        int next = Next(from);
        if (next >= 0 && _states[next] == LaneState.Unstarted)
        {
            _states[next] = LaneState.Running;
            return next;
        }

        Lane.End();
        if (next < 0 && carrier == main)
        {
            return Over;
        }

        if (carrier != main)
        {
            Accelerator.Carriers.Return(carrier);
        }

        if (next >= 0)
        {
            Continue(next);
        }
        else
        {
            main.Resume();
        }

        return HandedOver;
    }

    /// <summary>Holds a lane until a phase is complete.</summary>
    public void Suspend(Lane lane, PhaseWait wait, int line)
    {
        _waits[lane.LinearIndex] = wait;
        Suspend(lane, LaneState.AtPhase, line);
    }

    /// <summary>Holds a lane at a barrier or a warp operation until it is complete.</summary>
    public void Suspend(Lane lane, LaneState state, int line)
    {
        Sanitizer?.EndTurn();
        if (LaneCount > 1)
        {
            int index = lane.LinearIndex;
            _states[index] = state;
            _lines[index] = line;
            int next = Next(index);
            if (next == index)
            {
                _states[index] = LaneState.Running;
            }
            else
            {
                Continue(next);
                lane.Carrier.Wait();
            }

            if (_fault is not null || _divergence is not null)
            {
                throw new LaneAbandonedException();
            }
        }

        Sanitizer?.BeginTurn(lane);
    }

    private void RunGroup(Index3D index)
    {
        Index = index;
        _finished = 0;
        Array.Clear(_states);
        Accelerator.SharedBuffers.Reset();
        DynamicShared = Accelerator.SharedBuffers.Get(0, Config.SharedMemoryConfig.NumElements, Math.Max(1, Config.SharedMemoryConfig.ElementSize));
        Sanitizer?.BeginGroup();

        LaneCarrier main = Accelerator.Carriers.Main;
        _states[0] = LaneState.Running;
        if (!main.RunFrom(this, 0))
        {
            main.Wait();
        }

        Phases.Drop();
        if (_fault is not null)
        {
            throw _fault;
        }

        Sanitizer?.EndGroup();
    }

    private void Continue(int index)
    {
        bool unstarted = _states[index] == LaneState.Unstarted;
        _states[index] = LaneState.Running;
        if (unstarted)
        {
            Accelerator.Carriers.Take().Start(this, index);
        }
        else
        {
            _carriers[index]!.Resume();
        }
    }

    // the next lane that can run, counted on from one of them; -1 when all are finished
    private int Next(int from)
    {
        int found = Find(from + 1, LaneCount);
        found = found >= 0 ? found : Find(0, from + 1);
        if (found >= 0 || _finished == LaneCount)
        {
            return found;
        }

        Release();
        return Find(0, LaneCount);
    }

    private int Find(int start, int end)
    {
        for (int i = start; i < end; i++)
        {
            if (_states[i] is LaneState.Unstarted or LaneState.Ready)
            {
                return i;
            }
        }

        return -1;
    }

    // every lane that is not finished waits: release the complete warps, or else the whole group
    private void Release()
    {
        bool released = false;
        for (int first = 0; first < LaneCount; first += WarpSize)
        {
            Span<LaneState> warp = _states.AsSpan(first, Math.Min(WarpSize, LaneCount - first));
            if (warp[0] is LaneState.AtShuffle or LaneState.AtWarpBarrier && !warp.ContainsAnyExcept(warp[0]))
            {
                if (warp[0] == LaneState.AtWarpBarrier)
                {
                    Sanitizer?.PassWarpBarrier(first / WarpSize);
                }

                warp.Fill(LaneState.Ready);
                released = true;
            }
        }

        if (released || ReleasePhases(deliver: false) || ReleasePhases(deliver: true))
        {
            return;
        }

        if (!_states.AsSpan().ContainsAnyExcept(LaneState.AtBarrier) && !DifferentBarriers())
        {
            Sanitizer?.PassBarrier();
            Array.Fill(_states, LaneState.Ready);
            return;
        }

        int stuck = Array.IndexOf(_states, LaneState.AtPhase);
        _divergence = stuck < 0 ? BarrierDivergence.Describe(_states, _lines) : new(stuck, _waits[stuck]!.Barrier.Describe());
        AbandonLanes();
    }

    // those whose phase is complete; boxes come only when nothing else is left to do
    private bool ReleasePhases(bool deliver)
    {
        bool released = false;
        for (int i = 0; i < LaneCount; i++)
        {
            if (_states[i] == LaneState.AtPhase && _waits[i] is { } wait)
            {
                if (deliver)
                {
                    wait.Barrier.Deliver();
                }

                if (wait.IsOver)
                {
                    _states[i] = LaneState.Ready;
                    released = true;
                }
            }
        }

        return released;
    }

    private bool DifferentBarriers() => Sanitizer is not null && _lines.AsSpan().ContainsAnyExcept(_lines[0]);

    private Exception Fault(Lane lane, Exception exception) => exception switch
    {
        SanitizerFinding finding => finding,
        ViewRangeException range => new KernelIndexOutOfRangeException(_kernel, Location(lane, range), range),
        _ => new KernelFailedException(_kernel, Location(lane, exception), exception),
    };

    private void Abandon(Exception fault)
    {
        if (_fault is null)
        {
            _fault = fault;
            AbandonLanes();
        }
    }

    // lanes that wait are resumed to unwind their stacks; those not yet started never are
    private void AbandonLanes()
    {
        for (int i = 0; i < LaneCount; i++)
        {
            if (_states[i] == LaneState.Unstarted)
            {
                _states[i] = LaneState.Finished;
                _finished++;
            }
            else if (_states[i] is not (LaneState.Finished or LaneState.Running))
            {
                _states[i] = LaneState.Ready;
            }
        }
    }

    private KernelLocation Location(Lane lane, Exception exception) => SourceLine.Of(exception).At(Index, lane.Index);
}
