namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>A stream of the driver: what is queued on it runs in order, beside other streams.</summary>
public sealed class CudaStream : AcceleratorStream
{
    private const uint NonBlocking = 1;

    // calls of other threads are not looked at while this thread captures
    private const int CaptureThreadLocal = 1;

    private readonly CudaHandle? _own;
    private readonly nint _borrowed;
    private readonly CudaAccelerator _accelerator;

    private CudaStream(CudaAccelerator accelerator, CudaHandle? own, nint borrowed)
        : base(accelerator)
    {
        _accelerator = accelerator;
        _own = own;
        _borrowed = borrowed;
    }

    /// <summary>The driver's stream (<c>CUstream</c>).</summary>
    public nint StreamPtr => _own?.Value ?? _borrowed;

    /// <inheritdoc/>
    public override void Synchronize()
    {
        using var scope = _accelerator.Enter();
        CudaException.ThrowIfFailed(CudaNative.cuStreamSynchronize(StreamPtr), nameof(CudaNative.cuStreamSynchronize));
    }

    /// <summary>Has what is queued from now on wait for an event, without holding up the host.</summary>
    public void WaitFor(CudaEvent recorded)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        using var scope = _accelerator.Enter();
        CudaException.ThrowIfFailed(CudaNative.cuStreamWaitEvent(StreamPtr, recorded.EventPtr, 0), nameof(CudaNative.cuStreamWaitEvent));
    }

    /// <summary>
    /// Captures what an action queues on this stream instead of running it. Memory, arguments and shapes are those of the capture;
    /// nothing in it may wait on the host.
    /// </summary>
    /// <exception cref="CudaException">The driver cannot capture one of the calls.</exception>
    public unsafe CudaGraph Capture(Action queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        using var scope = _accelerator.Enter();
        nint graph = 0;
        CudaException.ThrowIfFailed(
            CudaNative.cuStreamBeginCapture_v2(StreamPtr, CaptureThreadLocal), nameof(CudaNative.cuStreamBeginCapture_v2));
        try
        {
            queue();
        }
        catch
        {
            // the stream must leave capture
            if (CudaNative.cuStreamEndCapture(StreamPtr, &graph) == CudaError.Success)
            {
                CudaNative.cuGraphDestroy(graph);
            }

            throw;
        }

        CudaException.ThrowIfFailed(CudaNative.cuStreamEndCapture(StreamPtr, &graph), nameof(CudaNative.cuStreamEndCapture));
        return new CudaGraph(_accelerator, graph);
    }

    internal static unsafe CudaStream Create(CudaAccelerator accelerator)
    {
        using var scope = accelerator.Enter();
        nint stream;
        CudaException.ThrowIfFailed(CudaNative.cuStreamCreate(&stream, NonBlocking), nameof(CudaNative.cuStreamCreate));
        return new(accelerator, new CudaHandle(accelerator.DriverContext, stream, CudaNative.cuStreamDestroy_v2), 0);
    }

    internal static CudaStream Borrow(CudaAccelerator accelerator, nint stream) => new(accelerator, null, stream);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _own?.Dispose();
}
