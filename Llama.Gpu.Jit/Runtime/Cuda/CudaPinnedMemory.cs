namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>
/// Host memory that the device reads and writes by itself. Copies return at once and run in stream order: the contents belong to
/// the copy until an event or the stream says that it is done.
/// </summary>
public sealed unsafe class CudaPinnedMemory : IDisposable
{
    // usable from every context of the process
    private const uint Portable = 1;

    private readonly CudaAccelerator _accelerator;
    private readonly CudaHandle _memory;

    internal CudaPinnedMemory(CudaAccelerator accelerator, long bytes)
    {
        _accelerator = accelerator;
        Length = bytes;
        using var scope = accelerator.Enter();
        void* pointer;
        CudaException.ThrowIfFailed(
            CudaNative.cuMemHostAlloc(&pointer, (nuint)Math.Max(1, bytes), Portable),
            nameof(CudaNative.cuMemHostAlloc),
            $"{bytes} pinned bytes");
        _memory = new CudaHandle(accelerator.DriverContext, (nint)pointer, static value => CudaNative.cuMemFreeHost((void*)value));
    }

    /// <summary>Number of bytes.</summary>
    public long Length { get; }

    /// <summary>Where it lies.</summary>
    public nint Address => _memory.Value;

    /// <summary>A part of it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie within it.</exception>
    public Span<byte> Span(long offset, int length) => new((void*)At(offset, length), length);

    /// <summary>Copies a part of it to the device, in stream order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The view does not fit from the offset on.</exception>
    public void CopyTo<T>(CudaStream stream, ArrayView<T> target, long offset = 0)
        where T : unmanaged
    {
        if (target.LengthInBytes > 0)
        {
            Buffer(target).CopyFromPinned(stream, (void*)At(offset, target.LengthInBytes), target.Address, target.LengthInBytes);
        }
    }

    /// <summary>Copies from the device to a part of it, in stream order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The view does not fit from the offset on.</exception>
    public void CopyFrom<T>(CudaStream stream, ArrayView<T> source, long offset = 0)
        where T : unmanaged
    {
        if (source.LengthInBytes > 0)
        {
            Buffer(source).CopyToPinned(stream, source.Address, (void*)At(offset, source.LengthInBytes), source.LengthInBytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private nint At(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return Address + (nint)offset;
    }

    private CudaMemoryBuffer Buffer<T>(ArrayView<T> view)
        where T : unmanaged
    {
        if (view.Source is not CudaMemoryBuffer buffer || buffer.Accelerator != _accelerator)
        {
            throw new ArgumentException("the view is not of this accelerator's memory", nameof(view));
        }

        ObjectDisposedException.ThrowIf(buffer.IsDisposed, buffer);
        return buffer;
    }
}
