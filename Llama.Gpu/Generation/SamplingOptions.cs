using System.Globalization;

namespace Llama.Gpu.Generation;

/// <summary>
/// How the next token is chosen. Definitions and order are those of Hugging Face transformers: repetition penalty,
/// temperature, top-k, top-p, min-p, then a draw. The default is greedy: the largest logit.
/// </summary>
public sealed record SamplingOptions
{
    /// <summary>The largest logit, always.</summary>
    public static SamplingOptions Greedy { get; } = new();

    /// <summary>
    /// Logits are divided by it; at least 0 and finite. 0, the default, is greedy: then top-k, top-p, min-p and the seed play no part,
    /// and the repetition penalty still does.
    /// </summary>
    public double Temperature { get; init; }

    /// <summary>
    /// Only this many of the largest logits stay; 0, the default, keeps all. Of equal logits at the border those with the lowest ids
    /// stay (transformers keeps every one of them).
    /// </summary>
    public int TopK { get; init; }

    /// <summary>
    /// Nucleus: with probabilities in descending order, a token stays if those before it sum to less than this; 0 to 1. The first
    /// always stays. 1, the default, keeps all. Probabilities are those after top-k.
    /// </summary>
    public double TopP { get; init; } = 1.0;

    /// <summary>A token stays if its probability is at least this share of the largest; 0 to 1. 0, the default, keeps all.</summary>
    public double MinP { get; init; }

    /// <summary>
    /// Every token that stands in the context, prompt included, has a positive logit divided by this and a negative one multiplied,
    /// once however often it stands there; above 0 and finite. 1, the default, changes nothing.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1.0;

    /// <summary>Seed of the draws; null, the default, takes a fresh one for each <see cref="Sampler"/>.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option out of its range; the message names it, what was expected and what was found.</exception>
    public void Validate()
    {
        Check(double.IsFinite(Temperature) && Temperature >= 0, nameof(Temperature), "a finite number of at least 0", Temperature);
        Check(TopK >= 0, nameof(TopK), "at least 0", TopK);
        Check(TopP is >= 0 and <= 1, nameof(TopP), "a number from 0 to 1", TopP);
        Check(MinP is >= 0 and <= 1, nameof(MinP), "a number from 0 to 1", MinP);
        Check(double.IsFinite(RepetitionPenalty) && (float)RepetitionPenalty is > 0 and < float.PositiveInfinity,
            nameof(RepetitionPenalty), "a finite number above 0", RepetitionPenalty);
    }

    private static void Check(bool holds, string option, string expected, double found)
    {
        if (!holds)
        {
            string message = string.Create(CultureInfo.InvariantCulture, $"{option}: expected {expected}, found {found}");
            throw new ArgumentOutOfRangeException(option, message);
        }
    }
}
