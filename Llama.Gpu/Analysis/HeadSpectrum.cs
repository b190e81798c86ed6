using System.Collections.Immutable;

namespace Llama.Gpu.Analysis;

/// <summary>The singular values of one matrix of one head.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Matrix">Which of the head's matrices.</param>
/// <param name="Head">
/// From 0; of k and v the KV head, unless <see cref="SpectralRequest.PerQueryHead"/> asked for query heads.
/// </param>
/// <param name="SingularValues">
/// Largest first, min(headDim, hidden) of them. What cannot be told from 0, below 2^-52 times the matrix' larger extent times the
/// largest, is 0.
/// </param>
public sealed record HeadSpectrum(int Layer, HeadMatrix Matrix, int Head, ImmutableArray<double> SingularValues)
{
    /// <summary>What they say in a few numbers.</summary>
    public SpectralMetrics Metrics { get; } = SpectralMetrics.Of(SingularValues);
}
