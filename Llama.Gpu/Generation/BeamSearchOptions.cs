using System.Collections.Immutable;
using System.Globalization;

namespace Llama.Gpu.Generation;

/// <summary>How a beam search goes. Names and meanings are those of Hugging Face transformers.</summary>
public sealed record BeamSearchOptions
{
    /// <summary>Sequences that are followed at a time, each with a KV cache; at least 1. A width of 1 is greedy.</summary>
    public int Width { get; init; } = 4;

    /// <summary>
    /// A sequence's score is the sum of its log-probabilities over its length to this power: above 0 favours long sequences, below 0
    /// short ones, 0 leaves the sum as it is.
    /// </summary>
    public double LengthPenalty { get; init; } = 1.0;

    /// <summary>
    /// Whether to end as soon as <see cref="Width"/> sequences have ended; else only when no sequence that is followed can still become
    /// better than the worst of these.
    /// </summary>
    public bool EarlyStop { get; init; }

    /// <summary>Most tokens to generate, at least 1.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>Token ids that end a sequence, beside those that end every text.</summary>
    public ImmutableArray<int> StopTokens { get; init; } = [];

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxTokens, 1);
        if (!double.IsFinite(LengthPenalty))
        {
            string found = LengthPenalty.ToString(CultureInfo.InvariantCulture);
            throw new ArgumentOutOfRangeException(nameof(LengthPenalty), $"LengthPenalty: expected a finite number, found {found}");
        }
    }
}

/// <summary>A sequence that a beam search found.</summary>
/// <param name="Ids">The generated ids, without the prompt; a stop token is the last of them.</param>
/// <param name="LogProbability">Sum of the log-probabilities of these ids.</param>
/// <param name="Score">What it is ranked by: <see cref="BeamSearchOptions.LengthPenalty"/>.</param>
/// <param name="StopReason">Why it ended.</param>
public sealed record BeamHypothesis(ImmutableArray<int> Ids, double LogProbability, double Score, StopReason StopReason);
