namespace Llama.Gpu.Scheduling;

/// <summary>What streaming has done so far.</summary>
/// <param name="Pieces">Pieces brought to the device.</param>
/// <param name="Bytes">Bytes of weights in them.</param>
/// <param name="CopyTime">Time in which at least one slot was being filled.</param>
/// <param name="WaitTime">Time that the thread which launches kernels waited for a piece or brought one itself.</param>
/// <param name="Restarts">How often what had been read ahead was thrown away, as after a cancellation.</param>
public readonly record struct StreamingFigures(long Pieces, long Bytes, TimeSpan CopyTime, TimeSpan WaitTime, long Restarts)
{
    /// <summary>Bytes a second while copying; null before the first copy.</summary>
    public double? BytesPerSecond => CopyTime > TimeSpan.Zero ? Bytes / CopyTime.TotalSeconds : null;
}
