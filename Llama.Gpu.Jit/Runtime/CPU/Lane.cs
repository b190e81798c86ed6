using System.Runtime.CompilerServices;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>What the device side of the dialect asks of the lane that runs on this thread.</summary>
internal sealed class Lane(LaneCarrier carrier)
{
    // a runaway allocation in a loop ends here, not with the process
    private const long MaxLocalBytes = 512 * 1024;

    [ThreadStatic]
    private static Lane? _active;

    private readonly List<CPUMemoryBuffer> _locals = [];
    private int _localCount;
    private long _localBytes;
    private int _sharedCount;
    private int _exchangeCount;

    /// <summary>The lane that runs on this thread.</summary>
    /// <exception cref="InvalidKernelOperationException">No kernel runs on this thread.</exception>
    public static Lane Active
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _active ?? ThrowOutside();
    }

    /// <summary>The lane that runs on this thread, if one does.</summary>
    public static Lane? ActiveOrNull => _active;

    public LaneCarrier Carrier => carrier;

    /// <summary>What is on its way to shared memory.</summary>
    public LaneCopies Copies { get; } = new();

    /// <summary>Products of its warp group that run.</summary>
    public LaneProducts Products { get; } = new();

    public GroupRun Group { get; private set; } = null!;

    public int LinearIndex { get; private set; }

    public Index3D Index { get; private set; }

    /// <summary>Becomes lane <paramref name="linearIndex"/> of a group.</summary>
    public void Begin(GroupRun group, int linearIndex)
    {
        Index3D dim = group.Config.GroupDim;
        Group = group;
        LinearIndex = linearIndex;
        Index = new Index3D(linearIndex % dim.X, linearIndex / dim.X % dim.Y, linearIndex / dim.X / dim.Y);
        _localCount = 0;
        _localBytes = 0;
        _sharedCount = 0;
        _exchangeCount = 0;
        _active = this;
    }

    public static void End() => _active = null;

    public void GroupBarrier(int line) => Group.Suspend(this, LaneState.AtBarrier, line);

    public void WarpBarrier(int line = 0) => Group.Suspend(this, LaneState.AtWarpBarrier, line);

    public T GroupExchange<T>(T value, int source)
        where T : unmanaged => Exchange(value, 0, Group.LaneCount, source, LaneState.AtBarrier);

    public T WarpExchange<T>(T value, int source)
        where T : unmanaged
    {
        int first = LinearIndex - (LinearIndex % Group.WarpSize);
        return Exchange(value, first, Math.Min(Group.WarpSize, Group.LaneCount - first), source, LaneState.AtShuffle);
    }

    /// <summary>The values that all lanes of the warp pass.</summary>
    /// <param name="value">This lane's.</param>
    /// <param name="all">Room for one of each lane.</param>
    /// <exception cref="InvalidKernelOperationException">The group does not consist of whole warps of as many lanes.</exception>
    public ReadOnlySpan<T> WarpGather<T>(T value, Span<T> all)
        where T : unmanaged
    {
        if (Group.WarpSize != all.Length || Group.LaneCount % all.Length != 0)
        {
            throw new InvalidKernelOperationException(
                $"this works on whole warps of {all.Length} lanes, found warps of {Group.WarpSize} and {Group.LaneCount} lanes a group; "
                + $"a device such as {nameof(CPUDevice)}.{nameof(CPUDevice.Nvidia)} has warps of 32");
        }

        int parity = _exchangeCount++ & 1;
        Group.Slot<T>(LinearIndex, parity) = value;
        Group.Suspend(this, LaneState.AtShuffle, 0);
        int first = LinearIndex - (LinearIndex % all.Length);
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = Group.Slot<T>(first + i, parity);
        }

        return all;
    }

    public ArrayView<T> AllocateShared<T>(int extent)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(extent);
        CPUMemoryBuffer buffer = Group.Accelerator.SharedBuffers.Get(++_sharedCount, extent, Unsafe.SizeOf<T>());
        return new(buffer, 0, extent);
    }

    public ArrayView<T> DynamicShared<T>()
        where T : unmanaged => Group.DynamicShared.AsArrayView<T>(0, Group.DynamicShared.LengthInBytes / Unsafe.SizeOf<T>());

    public ArrayView<T> AllocateLocal<T>(int extent)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(extent);
        long bytes = (long)extent * Unsafe.SizeOf<T>();
        _localBytes += bytes;
        if (_localBytes > MaxLocalBytes)
        {
            throw new InvalidKernelOperationException($"a lane has {MaxLocalBytes} bytes of local memory, found {_localBytes} asked for");
        }

        int number = _localCount++;
        if (number == _locals.Count)
        {
            _locals.Add(new CPUMemoryBuffer(Group.Accelerator, bytes, 1, MemoryScope.Local));
        }
        else if (_locals[number].LengthInBytes < bytes)
        {
            _locals[number].Dispose();
            _locals[number] = new CPUMemoryBuffer(Group.Accelerator, bytes, 1, MemoryScope.Local);
        }

        if (Group.Accelerator.Device.Sanitize)
        {
            _locals[number].Fill(CPUAccelerator.Poison);
        }

        return new(_locals[number], 0, extent);
    }

    /// <summary>Frees the lane's local memory.</summary>
    public void Release() => _locals.ForEach(buffer => buffer.Dispose());

    // Each lane leaves its value in a slot, waits for the others, and reads the slot of its source. There are two slots a lane,
    // used in turn: a lane that runs ahead to its next exchange must not overwrite what another has yet to read.
    private T Exchange<T>(T value, int first, int count, int source, LaneState state)
        where T : unmanaged
    {
        if (count == 1)
        {
            return value;
        }

        int parity = _exchangeCount++ & 1;
        Group.Slot<T>(LinearIndex, parity) = value;
        Group.Suspend(this, state, 0);
        return (uint)source < (uint)count ? Group.Slot<T>(first + source, parity) : value;
    }

    private static Lane ThrowOutside() => throw new InvalidKernelOperationException("only a kernel can do this: no kernel runs on this thread");
}
