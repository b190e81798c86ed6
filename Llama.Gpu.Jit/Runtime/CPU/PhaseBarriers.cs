using System.Runtime.CompilerServices;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// The barriers with phases of the group that runs, and the boxes that are on their way to it. Hardware may write a box at any moment
/// until its phase has been waited for; here it comes when no lane can go on otherwise, and until then something else stands there, so
/// that a kernel that forgets to wait is wrong.
/// </summary>
internal sealed unsafe class PhaseBarriers(GroupRun group)
{
    private const int MostArrivals = 1023;

    // what stands in a barrier's memory, whose meaning nobody but the hardware knows
    private const ulong Sign = 0xB0B0_0000_0000_0000;

    private readonly Dictionary<nint, PhaseBarrier> _barriers = [];

    /// <summary>The element of a view that is a barrier.</summary>
    /// <exception cref="InvalidKernelOperationException">It does not lie in shared memory.</exception>
    public static BarrierPlace Place(ArrayView<ulong> barriers, int index)
    {
        ArrayView<ulong> one = barriers.SubView(index, 1);
        return one.Source is CPUMemoryBuffer { Scope: MemoryScope.Shared } buffer
            ? new(buffer, one.Address)
            : throw new InvalidKernelOperationException("a barrier with phases lies in shared memory");
    }

    /// <summary>A group is over, and nobody can wait for what is still on its way.</summary>
    public void Drop()
    {
        foreach (BoxCopy copy in _barriers.Values.SelectMany(barrier => barrier.Copies))
        {
            Sanitizer.Forget(copy.Target, copy.Address, copy.Values.Length);
        }

        _barriers.Clear();
    }

    public void Initialize(Lane lane, BarrierPlace place, int arrivals)
    {
        if (arrivals is < 1 or > MostArrivals)
        {
            throw new InvalidKernelOperationException($"a phase takes 1 to {MostArrivals} arrivals, found {arrivals}");
        }

        Touch(place);
        *(ulong*)place.Address = Sign | (uint)arrivals;
        _barriers[place.Address] = new(arrivals, group.Sanitizer is null ? null : new PhaseClock(group.LaneCount));
        group.Sanitizer?.ClocksIn(lane);
    }

    public void Arrive(Lane lane, BarrierPlace place, int bytes)
    {
        PhaseBarrier barrier = Find(place);
        barrier.Clock?.Arrive(group.Sanitizer!.ClocksIn(lane), lane.LinearIndex);
        barrier.Arrive(bytes);

        // what the lane does from here on is not seen by those who wait
        group.Sanitizer?.EndTurn();
        group.Sanitizer?.BeginTurn(lane);
    }

    public void Wait(Lane lane, BarrierPlace place, int parity, int line)
    {
        if (parity is not (0 or 1))
        {
            throw new InvalidKernelOperationException($"a phase has parity 0 or 1, found {parity}");
        }

        var wait = new PhaseWait(Find(place), parity);
        if (group.LaneCount == 1)
        {
            wait.Barrier.Deliver();
            if (!wait.IsOver)
            {
                throw new InvalidKernelOperationException(wait.Barrier.Describe());
            }
        }

        if (wait.IsOver)
        {
            group.Sanitizer?.EndTurn();
            group.Sanitizer?.BeginTurn(lane);
        }
        else
        {
            group.Suspend(lane, wait, line);
        }

        wait.Barrier.Clock?.Pass(group.Sanitizer!.ClocksIn(lane), lane.LinearIndex);
    }

    /// <summary>Begins to copy a box: what it has is read now.</summary>
    public void Load<T>(Lane lane, TensorMap<T> map, ArrayView<T> target, int targetIndex, int row, int column, BarrierPlace place)
        where T : unmanaged
    {
        PhaseBarrier barrier = Find(place);
        int width = TensorMap<T>.BoxColumns;
        ArrayView<T> box = target.SubView(targetIndex, map.BoxRows * width);
        if (box.Source is not CPUMemoryBuffer { Scope: MemoryScope.Shared } buffer || map.Matrix.Source is not CPUMemoryBuffer { Scope: MemoryScope.Global })
        {
            throw new InvalidKernelOperationException("a box goes from global to shared memory");
        }

        if (box.Address % TensorMap<T>.BoxAlignment != 0)
        {
            throw new InvalidKernelOperationException($"a box begins at a multiple of {TensorMap<T>.BoxAlignment} bytes");
        }

        var copy = new BoxCopy(buffer, box.Address, new byte[(int)box.LengthInBytes]);
        for (int r = 0; r < map.BoxRows; r++)
        {
            int from = Math.Max(column, 0);
            int to = Math.Min(column + width, map.Columns);
            if ((uint)(row + r) < (uint)map.Rows && from < to)
            {
                ArrayView<T> part = map.Matrix.SubView(((long)(row + r) * map.Columns) + from, to - from);
                Touch(part.Source, part.Address, (int)part.LengthInBytes);
                for (int c = from; c < to; c++)
                {
                    nint offset = SwizzledTile.Swizzle(box.Address + (((r * width) + c - column) * sizeof(T))) - box.Address;
                    Unsafe.WriteUnaligned(ref copy.Values[offset], *((T*)part.Address + (c - from)));
                }
            }
        }

        Touch(buffer, copy.Address, copy.Values.Length);
        new Span<byte>((void*)copy.Address, copy.Values.Length).Fill(LaneCopies.InFlight);
        copy.Mark(inFlight: true);
        barrier.Copies.Enqueue(copy);

        // the phase is complete only when the box is there
        barrier.Clock?.Arrive(group.Sanitizer!.ClocksIn(lane), lane.LinearIndex);
    }

    private PhaseBarrier Find(BarrierPlace place)
    {
        Touch(place);
        return _barriers.TryGetValue(place.Address, out PhaseBarrier? barrier)
            ? barrier
            : throw new InvalidKernelOperationException("a barrier with phases is used that nobody has initialized");
    }

    private static void Touch(BarrierPlace place) => Touch(place.Buffer, place.Address, sizeof(ulong));

    private static void Touch(MemoryBuffer? buffer, nint address, int bytes)
    {
        if (Sanitizer.AnyActive)
        {
            Sanitizer.Touch(buffer, address, bytes);
        }
    }
}

/// <summary>Where a barrier lies.</summary>
internal readonly record struct BarrierPlace(CPUMemoryBuffer Buffer, nint Address);

/// <summary>A barrier with phases.</summary>
/// <param name="arrivals">Arrivals that a phase takes.</param>
/// <param name="clock">What those who wait learn of other lanes, where they are watched.</param>
internal sealed class PhaseBarrier(int arrivals, PhaseClock? clock)
{
    private readonly int _arrivals = arrivals;
    private int _missing = arrivals;
    private long _bytes;
    private int _completed;

    public PhaseClock? Clock => clock;

    /// <summary>Boxes on their way that this barrier waits for.</summary>
    public Queue<BoxCopy> Copies { get; } = new();

    public bool IsComplete(int parity) => (_completed & 1) != parity;

    public void Arrive(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        _bytes += bytes;
        _missing--;
        Advance();
    }

    /// <summary>Brings the boxes that are on their way, as far as the phase that runs waits for them.</summary>
    public void Deliver()
    {
        while (_bytes > 0 && Copies.TryDequeue(out BoxCopy? copy))
        {
            copy.Deliver();
            _bytes -= copy.Values.Length;
        }

        if (_bytes < 0)
        {
            throw new InvalidKernelOperationException("a barrier with phases expects fewer bytes than a box has that comes to it");
        }

        Advance();
    }

    /// <summary>What a phase lacks that nobody completes.</summary>
    public string Describe() =>
        $"phase {_completed} of this barrier is waited for and never complete: {_missing} of {_arrivals} arrivals and {_bytes} expected bytes are missing";

    private void Advance()
    {
        if (_missing == 0 && _bytes == 0)
        {
            _completed++;
            _missing = _arrivals;
            clock?.Complete();
        }
    }
}

/// <summary>What a lane waits for.</summary>
/// <param name="Barrier">The barrier.</param>
/// <param name="Parity">Of the phase.</param>
internal sealed record PhaseWait(PhaseBarrier Barrier, int Parity)
{
    public bool IsOver => Barrier.IsComplete(Parity);
}

/// <summary>A box on its way.</summary>
internal sealed unsafe record BoxCopy(CPUMemoryBuffer Target, nint Address, byte[] Values)
{
    public void Deliver()
    {
        Mark(inFlight: false);
        Values.CopyTo(new Span<byte>((void*)Address, Values.Length));
    }

    public void Mark(bool inFlight)
    {
        if (Sanitizer.AnyActive)
        {
            Sanitizer.MarkInFlight(Target, Address, Values.Length, inFlight);
        }
    }
}
