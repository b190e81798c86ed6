namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>A mark in a stream that the host and other streams can wait for.</summary>
public sealed unsafe class CudaEvent : IDisposable
{
    private const uint DisableTiming = 2;

    private readonly CudaAccelerator _accelerator;
    private readonly CudaHandle _event;

    internal CudaEvent(CudaAccelerator accelerator, bool timing)
    {
        _accelerator = accelerator;
        using var scope = accelerator.Enter();
        nint made;
        CudaException.ThrowIfFailed(CudaNative.cuEventCreate(&made, timing ? 0 : DisableTiming), nameof(CudaNative.cuEventCreate));
        _event = new CudaHandle(accelerator.DriverContext, made, CudaNative.cuEventDestroy_v2);
    }

    /// <summary>The driver's event (<c>CUevent</c>).</summary>
    public nint EventPtr => _event.Value;

    /// <summary>Whether everything before the mark is done.</summary>
    public bool IsDone
    {
        get
        {
            using var scope = _accelerator.Enter();
            CudaError error = CudaNative.cuEventQuery(EventPtr);
            CudaException.ThrowIfFailed(error == CudaError.NotReady ? CudaError.Success : error, nameof(CudaNative.cuEventQuery));
            return error == CudaError.Success;
        }
    }

    /// <summary>Sets the mark after all that is queued on a stream.</summary>
    public void Record(CudaStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var scope = _accelerator.Enter();
        CudaException.ThrowIfFailed(CudaNative.cuEventRecord(EventPtr, stream.StreamPtr), nameof(CudaNative.cuEventRecord));
    }

    /// <summary>Waits until everything before the mark is done.</summary>
    public void Synchronize()
    {
        using var scope = _accelerator.Enter();
        CudaException.ThrowIfFailed(CudaNative.cuEventSynchronize(EventPtr), nameof(CudaNative.cuEventSynchronize));
    }

    /// <summary>The time on the device from another event to this one; both take the time and are done.</summary>
    public TimeSpan Since(CudaEvent start)
    {
        ArgumentNullException.ThrowIfNull(start);
        using var scope = _accelerator.Enter();
        float milliseconds;
        CudaException.ThrowIfFailed(
            CudaNative.cuEventElapsedTime(&milliseconds, start.EventPtr, EventPtr), nameof(CudaNative.cuEventElapsedTime));
        return TimeSpan.FromMilliseconds(milliseconds);
    }

    /// <inheritdoc/>
    public void Dispose() => _event.Dispose();
}
