using System.Collections.Immutable;

namespace Llama.Gpu.Generation;

/// <summary>How likely a token was to the model, before temperature, penalties and the like: natural logarithms of softmax.</summary>
/// <param name="Id">The token.</param>
/// <param name="LogProbability">Its own.</param>
/// <param name="Top">The likeliest tokens in its place with theirs, in descending order; as many as were asked for.</param>
public sealed record TokenLogProbability(int Id, double LogProbability, ImmutableArray<(int Id, double LogProbability)> Top)
{
    /// <summary>Looks a token up in a row of logits.</summary>
    /// <param name="logits">A row of logits.</param>
    /// <param name="id">The token.</param>
    /// <param name="top">How many of the likeliest are wanted.</param>
    internal static TokenLogProbability Of(ReadOnlySpan<float> logits, int id, int top)
    {
        double normalizer = LogSoftmax.Normalizer(logits);
        return new TokenLogProbability(
            id, logits[id] - normalizer, [.. TopLogits.Select(logits, top).Select(entry => (entry.Id, entry.Logit - normalizer))]);
    }
}
