namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>Captured launches and copies that run again as one, with one call: <see cref="CudaStream.Capture"/> makes it.</summary>
public sealed unsafe class CudaGraph : IDisposable
{
    private readonly CudaAccelerator _accelerator;
    private readonly CudaHandle _graph;
    private readonly CudaHandle _executable;

    internal CudaGraph(CudaAccelerator accelerator, nint graph)
    {
        _accelerator = accelerator;
        _graph = new CudaHandle(accelerator.DriverContext, graph, CudaNative.cuGraphDestroy);
        using var scope = accelerator.Enter();
        nint executable;
        CudaError error = CudaNative.cuGraphInstantiateWithFlags(&executable, graph, 0);
        if (error != CudaError.Success)
        {
            _graph.Dispose();
            throw new CudaException(nameof(CudaNative.cuGraphInstantiateWithFlags), error);
        }

        _executable = new CudaHandle(accelerator.DriverContext, executable, CudaNative.cuGraphExecDestroy);
    }

    /// <summary>Queues all of it on a stream.</summary>
    public void Launch(CudaStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var scope = _accelerator.Enter();
        CudaException.ThrowIfFailed(CudaNative.cuGraphLaunch(_executable.Value, stream.StreamPtr), nameof(CudaNative.cuGraphLaunch));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _executable.Dispose();
        _graph.Dispose();
    }
}
