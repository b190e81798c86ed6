namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>
/// A buffer of the device. OpenCL 1.2 gives buffers no address, so each gets a range of numbers of its own that stands for one:
/// a view's address less <see cref="MemoryBuffer.NativePtr"/> is its offset.
/// </summary>
internal sealed unsafe class CLMemoryBuffer : MemoryBuffer
{
    private readonly CLAccelerator _accelerator;
    private readonly CLHandle _memory;

    public CLMemoryBuffer(CLAccelerator accelerator, long length, int elementSize)
        : base(accelerator, length, elementSize)
    {
        _accelerator = accelerator;
        CLError error;
        nint memory = OpenClNative.clCreateBuffer(accelerator.ContextHandle, 0, (nuint)Math.Max(1, LengthInBytes), null, &error);
        CLException.ThrowIfFailed(
            error,
            nameof(OpenClNative.clCreateBuffer),
            $"{LengthInBytes} bytes, where the largest buffer has {accelerator.Device.MaxAllocationSize}");
        _memory = new CLHandle(memory, OpenClNative.clReleaseMemObject);
        NativePtr = accelerator.Addresses.Add(this);
        accelerator.AccountAllocation(LengthInBytes);
    }

    ~CLMemoryBuffer() => Dispose(disposing: false);

    /// <summary>The driver's buffer.</summary>
    public nint Memory => _memory.Value;

    internal override void CopyFromHost(AcceleratorStream stream, void* source, nint target, long bytes) => CLException.ThrowIfFailed(
        OpenClNative.clEnqueueWriteBuffer(Queue(stream), Memory, 1, Offset(target), (nuint)bytes, source, 0, null, null),
        nameof(OpenClNative.clEnqueueWriteBuffer));

    internal override void CopyToHost(AcceleratorStream stream, nint source, void* target, long bytes) => CLException.ThrowIfFailed(
        OpenClNative.clEnqueueReadBuffer(Queue(stream), Memory, 1, Offset(source), (nuint)bytes, target, 0, null, null),
        nameof(OpenClNative.clEnqueueReadBuffer));

    internal override void CopyWithin(AcceleratorStream stream, nint source, nint target, long bytes)
    {
        CLMemoryBuffer to = _accelerator.Addresses.Find(target);
        nuint from = Offset(source);
        nuint into = to.Offset(target);
        bool overlaps = to == this && from < into + (nuint)bytes && into < from + (nuint)bytes;
        if (overlaps)
        {
            CopyThroughAnother(stream, from, into, (nuint)bytes);
            return;
        }

        Copy(stream, Memory, to.Memory, from, into, (nuint)bytes);
    }

    internal override void MemSet(AcceleratorStream stream, byte value, nint target, long bytes) => CLException.ThrowIfFailed(
        OpenClNative.clEnqueueFillBuffer(Queue(stream), Memory, &value, 1, Offset(target), (nuint)bytes, 0, null, null),
        nameof(OpenClNative.clEnqueueFillBuffer));

    protected override void Dispose(bool disposing)
    {
        // NativePtr is set last, so that a buffer whose constructor failed has nothing to give back
        if (NativePtr != 0)
        {
            _accelerator.Addresses.Remove(this);
            _accelerator.AccountAllocation(-LengthInBytes);
            _memory.Dispose();
            NativePtr = 0;
        }
    }

    // OpenCL forbids a copy between parts that overlap
    private void CopyThroughAnother(AcceleratorStream stream, nuint from, nuint into, nuint bytes)
    {
        using var between = new CLMemoryBuffer(_accelerator, (long)bytes, 1);
        Copy(stream, Memory, between.Memory, from, 0, bytes);
        Copy(stream, between.Memory, Memory, 0, into, bytes);
    }

    private static void Copy(AcceleratorStream stream, nint source, nint target, nuint from, nuint into, nuint bytes) =>
        CLException.ThrowIfFailed(
            OpenClNative.clEnqueueCopyBuffer(Queue(stream), source, target, from, into, bytes, 0, null, null),
            nameof(OpenClNative.clEnqueueCopyBuffer));

    private static nint Queue(AcceleratorStream stream) => ((CLStream)stream).CommandQueue;

    private nuint Offset(nint address) => (nuint)(address - NativePtr);
}
