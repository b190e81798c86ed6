namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>Memory of the device.</summary>
internal sealed unsafe class CudaMemoryBuffer : MemoryBuffer
{
    private readonly CudaAccelerator _accelerator;
    private readonly CudaHandle _memory;

    public CudaMemoryBuffer(CudaAccelerator accelerator, long length, int elementSize)
        : base(accelerator, length, elementSize)
    {
        _accelerator = accelerator;
        using var scope = accelerator.Enter();
        ulong address;

        // the driver refuses to allocate nothing
        CudaException.ThrowIfFailed(
            CudaNative.cuMemAlloc_v2(&address, (nuint)Math.Max(1, LengthInBytes)),
            nameof(CudaNative.cuMemAlloc_v2),
            $"a buffer of {LengthInBytes} bytes");
        _memory = new CudaHandle(accelerator.DriverContext, (nint)address, static value => CudaNative.cuMemFree_v2((ulong)value));
        accelerator.AccountAllocation(LengthInBytes);
        NativePtr = (nint)address;
    }

    ~CudaMemoryBuffer() => Dispose(disposing: false);

    internal override void CopyFromHost(AcceleratorStream stream, void* source, nint target, long bytes)
    {
        CopyFromPinned(stream, source, target, bytes);
        stream.Synchronize();
    }

    internal override void CopyToHost(AcceleratorStream stream, nint source, void* target, long bytes)
    {
        CopyToPinned(stream, source, target, bytes);
        stream.Synchronize();
    }

    /// <summary>Copies from pinned memory, in stream order.</summary>
    internal void CopyFromPinned(AcceleratorStream stream, void* source, nint target, long bytes)
    {
        using var scope = _accelerator.Enter();
        CudaException.ThrowIfFailed(
            CudaNative.cuMemcpyHtoDAsync_v2((ulong)target, source, (nuint)bytes, Queue(stream)), nameof(CudaNative.cuMemcpyHtoDAsync_v2));
    }

    /// <summary>Copies to pinned memory, in stream order.</summary>
    internal void CopyToPinned(AcceleratorStream stream, nint source, void* target, long bytes)
    {
        using var scope = _accelerator.Enter();
        CudaException.ThrowIfFailed(
            CudaNative.cuMemcpyDtoHAsync_v2(target, (ulong)source, (nuint)bytes, Queue(stream)), nameof(CudaNative.cuMemcpyDtoHAsync_v2));
    }

    internal override void CopyWithin(AcceleratorStream stream, nint source, nint target, long bytes)
    {
        using var scope = _accelerator.Enter();
        CudaException.ThrowIfFailed(
            CudaNative.cuMemcpyDtoDAsync_v2((ulong)target, (ulong)source, (nuint)bytes, Queue(stream)),
            nameof(CudaNative.cuMemcpyDtoDAsync_v2));
    }

    internal override void MemSet(AcceleratorStream stream, byte value, nint target, long bytes)
    {
        using var scope = _accelerator.Enter();
        CudaException.ThrowIfFailed(
            CudaNative.cuMemsetD8Async((ulong)target, value, (nuint)bytes, Queue(stream)), nameof(CudaNative.cuMemsetD8Async));
    }

    protected override void Dispose(bool disposing)
    {
        // NativePtr is set last, so that a buffer whose constructor failed has nothing to give back
        if (NativePtr != 0)
        {
            NativePtr = 0;
            _memory.Dispose();
            _accelerator.AccountAllocation(-LengthInBytes);
        }
    }

    private static nint Queue(AcceleratorStream stream) => ((CudaStream)stream).StreamPtr;
}
