using Llama.Gpu.Model;

namespace Llama.Gpu.Generation;

/// <summary>How well a model foresees a text.</summary>
/// <param name="NegativeLogLikelihood">Sum of -ln p over the scored tokens.</param>
/// <param name="ScoredTokens">How many tokens were scored: all but the first of the text.</param>
public sealed record PerplexityResult(double NegativeLogLikelihood, int ScoredTokens)
{
    /// <summary>e to the mean of -ln p: as if the model had to guess among so many equally likely tokens each time.</summary>
    public double Perplexity => Math.Exp(NegativeLogLikelihood / ScoredTokens);
}

/// <summary>
/// Measures the perplexity of a text. Each token but the first is scored once, from those before it. A text longer than the context
/// goes through it in windows that overlap, so that every token beyond the first window sees at least context - stride tokens.
/// </summary>
public static class Perplexity
{
    /// <summary>Measures.</summary>
    /// <param name="session">Is rewound to its beginning; its context is the longest window.</param>
    /// <param name="ids">The text, at least two ids. If it begins with <paramref name="beginOfTextId"/>, so does every window.</param>
    /// <param name="stride">Tokens by which windows advance, at least 1 and less than the context; null for half the context.</param>
    /// <param name="beginOfTextId">The token a text begins with; null for none.</param>
    /// <param name="progress">Told after each window how many tokens are scored, and the perplexity so far.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    /// <exception cref="ArgumentException">Too few ids, or a stride out of its range.</exception>
    /// <exception cref="SamplingException">The model's logits are not numbers.</exception>
    public static PerplexityResult Measure(
        IDecoderSession session,
        ReadOnlySpan<int> ids,
        int? stride = null,
        int? beginOfTextId = null,
        IProgress<PerplexityResult>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        if (ids.Length < 2)
        {
            throw new ArgumentException($"ids: expected at least two, found {ids.Length}", nameof(ids));
        }

        int context = session.ContextLength;
        int step = stride ?? Math.Max(1, context / 2);
        int[] begin = beginOfTextId == ids[0] ? [ids[0]] : [];

        // room for the begin, for what is seen but not scored, and for what is
        if (context < begin.Length + 2 || step < 1 || step > context - begin.Length - 1)
        {
            throw new ArgumentOutOfRangeException(
                nameof(stride), step, $"stride: expected from 1 to {context - begin.Length - 1} in a context of {context}");
        }

        double sum = 0.0;
        int scored = 1; // ids before this one are done with; the first has nothing before it
        while (scored < ids.Length)
        {
            // the window's last token is only foreseen, so that it need not fit
            bool first = scored == 1;
            int end = first ? Math.Min(ids.Length, context + 1) : Math.Min(ids.Length, scored + step);
            int start = first ? 0 : Math.Max(begin.Length, end - 1 - (context - begin.Length));
            ReadOnlySpan<int> window = first ? ids[..(end - 1)] : [.. begin, .. ids[start..(end - 1)]];
            int[] targets = ids[scored..end].ToArray();
            int seen = window.Length - targets.Length;
            double windowSum = 0.0;

            session.Rewind(0);
            if (seen > 0)
            {
                session.Forward(window[..seen], cancellationToken);
            }

            session.ForwardAll(
                window[seen..],
                (position, logits) => windowSum += LogSoftmax.Normalizer(logits) - logits[targets[position - seen]],
                cancellationToken);
            sum += windowSum;
            scored = end;
            progress?.Report(new PerplexityResult(sum, scored - 1));
        }

        return new PerplexityResult(sum, ids.Length - 1);
    }
}
