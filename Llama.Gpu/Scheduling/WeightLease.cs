namespace Llama.Gpu.Scheduling;

/// <summary>Neighbouring rows of a matrix, on the device.</summary>
/// <param name="Weight">(Count, row length).</param>
/// <param name="First">First row.</param>
/// <param name="Count">Number of rows.</param>
internal readonly record struct MatrixRows(WeightView Weight, int First, int Count);

/// <summary>A piece of a step while launches that use it are made. Disposed after the last of them.</summary>
internal readonly struct WeightLease(MatrixRows[] matrices, WeightStreamer? streamer) : IDisposable
{
    /// <summary>Rows of one of the step's matrices.</summary>
    public MatrixRows this[int matrix] => matrices[matrix];

    public void Dispose() => streamer?.Release();
}
