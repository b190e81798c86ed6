using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime.Cuda;

namespace Llama.Gpu.Model;

/// <summary>
/// The launches of one token as a graph: launched one by one the first time, which compiles what is not compiled yet, captured the second
/// time, replayed from then on. What a driver cannot capture is launched one by one for ever, and <see cref="Problem"/> says why.
/// </summary>
internal sealed class TokenGraph(CudaAccelerator accelerator, CudaStream stream, ArrayView<int> chosen) : IDisposable
{
    private readonly CudaPinnedMemory _id = accelerator.AllocatePinned(sizeof(int));
    private CudaGraph? _graph;
    private bool _isWarm;

    /// <summary>Why nothing is replayed; null if nothing went wrong.</summary>
    public string? Problem { get; private set; }

    /// <summary>Runs the launches once and waits for them.</summary>
    /// <param name="launches">Queues them, always the same with the same arguments.</param>
    /// <returns>The chosen id.</returns>
    public int Run(Action launches)
    {
        if (_isWarm && _graph is null && Problem is null)
        {
            TryCapture(launches);
        }

        if (_graph is null)
        {
            Queue(launches);
        }
        else
        {
            _graph.Launch(stream);
        }

        stream.Synchronize();
        _isWarm = true;
        return BitConverter.ToInt32(_id.Span(0, sizeof(int)));
    }

    public void Dispose()
    {
        _graph?.Dispose();
        _id.Dispose();
    }

    private void TryCapture(Action launches)
    {
        try
        {
            _graph = stream.Capture(() => Queue(launches));
        }
        catch (CudaException exception)
        {
            Problem = exception.Message;
        }
    }

    private void Queue(Action launches)
    {
        launches();
        _id.CopyFrom(stream, chosen);
    }
}
