using System.Runtime.CompilerServices;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// Watches one launch. An indexer hands out a reference, so a touch alone does not tell a read from a write: the value is noted
/// at the first touch and compared at the end of the lane's turn. Changed is a write, unchanged a read. (So a write of the very
/// value that was there counts as a read, and a write through a reference kept across a barrier is not seen.) What is learnt goes
/// into the buffer's <see cref="ShadowMemory"/>, where turns of different lanes that nothing orders collide.
/// </summary>
internal sealed unsafe class Sanitizer
{
    private static int _activeCount;

    private readonly CPUAccelerator _accelerator;
    private readonly SanitizerFinding? _watched;
    private readonly int _before;
    private readonly List<LaneTurn> _turns = [];
    private readonly List<Note> _notes = [];
    private readonly int[] _warpIntervals;
    private readonly int _lanes;
    private byte[] _values = new byte[1024];
    private int _valueBytes;
    private int _beforeGroup;
    private int _groupNumber;
    private int _interval;
    private LaneTurn? _turn;
    private LaneClocks? _clocks;
    private SanitizerFinding? _unwritten;

    /// <param name="accelerator">Where the launch runs.</param>
    /// <param name="config">Its shape.</param>
    /// <param name="watched">What an identical launch has found, to learn its C# lines; or null.</param>
    public Sanitizer(CPUAccelerator accelerator, in KernelConfig config, SanitizerFinding? watched)
    {
        _accelerator = accelerator;
        _watched = watched;
        _before = accelerator.LastTurn;
        _lanes = config.GroupDim.Size;
        _warpIntervals = new int[IntrinsicMath.DivRoundUp(config.GroupDim.Size, accelerator.WarpSize)];
    }

    /// <summary>Whether any launch of this process is watched: what an indexer asks before it tells more.</summary>
    public static bool AnyActive => _activeCount > 0;

    /// <summary>The line of the last touch of the watched element in the turn it was found in.</summary>
    public SourceLine Line { get; private set; }

    /// <summary>The line of the last touch of the watched element in the turn it collides with.</summary>
    public SourceLine OtherLine { get; private set; }

    /// <summary>What lanes know of each other through barriers with phases; kept from the first barrier on.</summary>
    public LaneClocks ClocksIn(Lane lane)
    {
        _clocks ??= new(_lanes);
        _clocks.Begin(lane.LinearIndex, LastTurn);
        return _clocks;
    }

    private int LastTurn => _before + _turns.Count;

    /// <summary>Notes that the lane on this thread was given a reference to an element.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Touch(MemoryBuffer? source, nint address, int size)
    {
        if (source is CPUMemoryBuffer { Scope: not MemoryScope.Local } buffer && Lane.ActiveOrNull?.Group.Sanitizer is { } sanitizer)
        {
            sanitizer.Touch(buffer, address - buffer.NativePtr, size);
        }
    }

    /// <summary>Tells that the element just touched by the lane on this thread was changed atomically.</summary>
    public static void MarkAtomic(ref byte target)
    {
        if (Lane.ActiveOrNull?.Group.Sanitizer is { } sanitizer)
        {
            sanitizer.MarkAtomic((nint)Unsafe.AsPointer(ref target));
        }
    }

    /// <summary>Tells that an asynchronous copy has begun to write bytes, or that it has been waited for.</summary>
    public static void MarkInFlight(CPUMemoryBuffer buffer, nint address, int size, bool inFlight)
    {
        if (Lane.ActiveOrNull?.Group.Sanitizer is not null)
        {
            foreach (ref ShadowMemory.Cell cell in (buffer.Shadow ??= new ShadowMemory(buffer)).Cells(address - buffer.NativePtr, size))
            {
                cell.InFlight = inFlight;
            }
        }
    }

    /// <summary>Tells that a copy will not be waited for any more.</summary>
    public static void Forget(CPUMemoryBuffer buffer, nint address, int size)
    {
        foreach (ref ShadowMemory.Cell cell in buffer.Shadow is { } shadow ? shadow.Cells(address - buffer.NativePtr, size) : [])
        {
            cell.InFlight = false;
        }
    }

    public static void Start() => Interlocked.Increment(ref _activeCount);

    public void Stop()
    {
        Interlocked.Decrement(ref _activeCount);
        _accelerator.LastTurn = LastTurn;
    }

    public void BeginGroup()
    {
        _groupNumber++;
        _interval = 0;
        _beforeGroup = LastTurn;
        _clocks = null;
        Array.Clear(_warpIntervals);
    }

    /// <exception cref="SanitizerFinding">Something read since the barrier before has not been written until now.</exception>
    public void PassBarrier()
    {
        _interval++;
        ReportUnwritten();
    }

    /// <exception cref="SanitizerFinding">Something read since the last barrier was never written.</exception>
    public void EndGroup() => ReportUnwritten();

    public void PassWarpBarrier(int warp)
    {
        _warpIntervals[warp]++;
        _clocks?.Meet(warp * _accelerator.WarpSize, Math.Min(_accelerator.WarpSize, _lanes - (warp * _accelerator.WarpSize)));
    }

    public void BeginTurn(Lane lane)
    {
        int warp = lane.LinearIndex / lane.Group.WarpSize;
        _turn = new LaneTurn(
            _turns.Count + 1, _groupNumber, lane.Group.Index, lane.LinearIndex, lane.Index, _interval, warp, _warpIntervals[warp]);
        _turns.Add(_turn);
        _ = checked(LastTurn + 1);
        _clocks?.Begin(lane.LinearIndex, LastTurn);
    }

    /// <exception cref="SanitizerFinding">A touch of this turn collides with one before it, or read what nobody wrote.</exception>
    public void EndTurn()
    {
        LaneTurn turn = _turn!;
        foreach (Note note in _notes)
        {
            bool changed = !new ReadOnlySpan<byte>((void*)(note.Buffer.NativePtr + (nint)note.Offset), note.Size)
                .SequenceEqual(_values.AsSpan(note.ValueAt, note.Size));
            foreach (ref ShadowMemory.Cell cell in note.Buffer.Shadow!.Cells(note.Offset, note.Size))
            {
                if (note.Atomic)
                {
                    RecordAtomic(note, turn, ref cell);
                }
                else if (changed)
                {
                    RecordWrite(note, turn, ref cell);
                }
                else
                {
                    RecordRead(note, turn, ref cell);
                }
            }
        }

        _notes.Clear();
        _valueBytes = 0;
    }

    private void Touch(CPUMemoryBuffer buffer, long offset, int size)
    {
        if (_watched is not null && _watched.Overlaps(buffer, offset, size))
        {
            NoteLine();
        }

        Span<ShadowMemory.Cell> cells = (buffer.Shadow ??= new ShadowMemory(buffer)).Cells(offset, size);
        bool noted = true;
        foreach (ref ShadowMemory.Cell cell in cells)
        {
            if (cell.InFlight)
            {
                throw new InvalidKernelOperationException(
                    "memory is touched that an asynchronous copy is still writing: the lane that began it calls AsyncCopy.Wait first, then the group a barrier; "
                    + "for a box of a TensorMap those who touch it wait for the phase of its AsyncBarrier");
            }

            noted &= cell.Noted == LastTurn;
            cell.Noted = LastTurn;
        }

        if (noted)
        {
            return;
        }

        if (_valueBytes + size > _values.Length)
        {
            Array.Resize(ref _values, Math.Max(_values.Length * 2, _valueBytes + size));
        }

        new ReadOnlySpan<byte>((void*)(buffer.NativePtr + (nint)offset), size).CopyTo(_values.AsSpan(_valueBytes));
        _notes.Add(new Note(buffer, offset, size, _valueBytes, Atomic: false));
        _valueBytes += size;
    }

    private void MarkAtomic(nint target)
    {
        for (int i = _notes.Count - 1; i >= 0; i--)
        {
            long offset = target - _notes[i].Buffer.NativePtr;
            if (offset >= _notes[i].Offset && offset < _notes[i].Offset + _notes[i].Size)
            {
                _notes[i] = _notes[i] with { Atomic = true };
                return;
            }
        }
    }

    private void NoteLine()
    {
        if (_turns.Count == _watched!.Turn.Number)
        {
            Line = SourceLine.Current();
        }
        else if (_turns.Count == _watched.Other?.Number)
        {
            OtherLine = SourceLine.Current();
        }
    }

    private void RecordWrite(in Note note, LaneTurn turn, ref ShadowMemory.Cell cell)
    {
        Collide(cell.Write, SanitizerFault.WriteAfterWrite, note, turn);
        Collide(cell.Atomic, SanitizerFault.WriteAfterWrite, note, turn);
        Collide(cell.Read, SanitizerFault.WriteAfterRead, note, turn);
        Collide(cell.OtherRead, SanitizerFault.WriteAfterRead, note, turn);
        cell.Write = LastTurn;
    }

    private void RecordAtomic(in Note note, LaneTurn turn, ref ShadowMemory.Cell cell)
    {
        Collide(cell.Write, SanitizerFault.WriteAfterWrite, note, turn);
        Collide(cell.Read, SanitizerFault.WriteAfterRead, note, turn);
        Collide(cell.OtherRead, SanitizerFault.WriteAfterRead, note, turn);
        cell.Atomic = LastTurn;
    }

    private void RecordRead(in Note note, LaneTurn turn, ref ShadowMemory.Cell cell)
    {
        Collide(cell.Write, SanitizerFault.ReadAfterWrite, note, turn);
        Collide(cell.Atomic, SanitizerFault.ReadAfterWrite, note, turn);
        if (note.Buffer.Scope == MemoryScope.Shared && cell.Write <= _beforeGroup && cell.Atomic <= _beforeGroup)
        {
            // kept until the barrier: a lane that comes later may write it, and then a race is the better word
            _unwritten ??= new SanitizerFinding(SanitizerFault.UninitializedRead, note.Buffer, note.Offset, note.Size, turn, other: null);
        }

        if (Find(cell.Read, note.Buffer) is { } last && (last.LaneNumber != turn.LaneNumber || last.GroupNumber != turn.GroupNumber))
        {
            cell.OtherRead = cell.Read;
        }

        cell.Read = LastTurn;
    }

    private void Collide(int earlier, SanitizerFault fault, in Note note, LaneTurn turn)
    {
        if (Find(earlier, note.Buffer) is { } other && turn.IsConcurrentWith(other) && !IsKnown(turn, other))
        {
            throw new SanitizerFinding(fault, note.Buffer, note.Offset, note.Size, turn, other);
        }
    }

    private bool IsKnown(LaneTurn turn, LaneTurn other) =>
        turn.GroupNumber == other.GroupNumber && _clocks is not null && _clocks.Knows(turn.LaneNumber, other.LaneNumber, _before + other.Number);

    private void ReportUnwritten()
    {
        if (_unwritten is { } finding)
        {
            _unwritten = null;
            throw finding;
        }
    }

    // a turn by its number over all launches; null where it belongs to a launch before, or to a group before for shared memory
    private LaneTurn? Find(int number, CPUMemoryBuffer buffer) =>
        number > (buffer.Scope == MemoryScope.Shared ? _beforeGroup : _before) ? _turns[number - _before - 1] : null;

    private readonly record struct Note(CPUMemoryBuffer Buffer, long Offset, int Size, int ValueAt, bool Atomic);
}
