namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>A mark in a queue that the host can wait for.</summary>
public sealed unsafe class CLEvent : IDisposable
{
    private readonly CLHandle _event;

    internal CLEvent(nint queue)
    {
        nint made;
        CLException.ThrowIfFailed(
            OpenClNative.clEnqueueMarkerWithWaitList(queue, 0, null, &made), nameof(OpenClNative.clEnqueueMarkerWithWaitList));
        _event = new CLHandle(made, OpenClNative.clReleaseEvent);

        // or the driver may keep what stands before the mark to itself
        CLException.ThrowIfFailed(OpenClNative.clFlush(queue), nameof(OpenClNative.clFlush));
    }

    /// <summary>Waits until everything before the mark is done.</summary>
    /// <exception cref="CLException">A command before it failed.</exception>
    public void Synchronize()
    {
        nint handle = _event.Value;
        CLException.ThrowIfFailed(OpenClNative.clWaitForEvents(1, &handle), nameof(OpenClNative.clWaitForEvents));
    }

    /// <inheritdoc/>
    public void Dispose() => _event.Dispose();
}
