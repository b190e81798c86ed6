using System.Globalization;
using Llama.Gpu.Cli.Input;

namespace Llama.Gpu.Cli.Output;

/// <summary>How a run has streamed its weights.</summary>
/// <param name="Bytes">Weights brought to the device.</param>
/// <param name="BytesPerSecond">Bytes a second while slots were being filled.</param>
/// <param name="CopyBytesPerSecond">What the same slots take while nothing is computed, measured after the run.</param>
/// <param name="WaitSeconds">Time for which the kernels' queue had to wait for weights.</param>
internal sealed record StreamingFigure(long Bytes, double? BytesPerSecond, double CopyBytesPerSecond, double WaitSeconds)
{
    public double? Share => BytesPerSecond / CopyBytesPerSecond;

    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"[streamed {ByteSize.Format(Bytes)} at {BytesPerSecond / 1e9:0.00} GB/s, {Share:0.00} of the {CopyBytesPerSecond / 1e9:0.00} GB/s of copies "
        + $"alone; kernels waited {WaitSeconds:0.0} s for weights]");

    /// <summary>What a model has streamed so far; null where nothing is.</summary>
    public static StreamingFigure? Of(LoadedModel model, CancellationToken cancellationToken) =>
        model.Streaming is { } figures && model.MeasureLink(cancellationToken) is double copying
            ? new(figures.Bytes, figures.BytesPerSecond, copying, figures.WaitTime.TotalSeconds)
            : null;
}
