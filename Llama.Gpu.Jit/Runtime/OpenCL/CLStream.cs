namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>A queue of the device whose commands run in order.</summary>
public sealed class CLStream : AcceleratorStream
{
    private readonly CLHandle _queue;

    internal unsafe CLStream(CLAccelerator accelerator)
        : base(accelerator)
    {
        CLError error;
        nint queue = OpenClNative.clCreateCommandQueue(accelerator.ContextHandle, accelerator.Device.Handle, 0, &error);
        CLException.ThrowIfFailed(error, nameof(OpenClNative.clCreateCommandQueue));
        _queue = new CLHandle(queue, OpenClNative.clReleaseCommandQueue);
        accelerator.Register(this);
    }

    /// <summary>The driver's queue.</summary>
    public nint CommandQueue
    {
        get
        {
            ObjectDisposedException.ThrowIf(_queue.IsClosed, this);
            return _queue.Value;
        }
    }

    /// <inheritdoc/>
    public override void Synchronize() => CLException.ThrowIfFailed(OpenClNative.clFinish(CommandQueue), nameof(OpenClNative.clFinish));

    /// <summary>A mark after all that is queued now.</summary>
    public CLEvent Mark() => new(CommandQueue);

    /// <summary>The queue, kept until it is released as often as it was held; the stream must be registered still.</summary>
    internal CLHandle Hold()
    {
        bool held = false;
        _queue.DangerousAddRef(ref held);
        return _queue;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        ((CLAccelerator)Accelerator).Unregister(this);
        _queue.Dispose();
    }
}
