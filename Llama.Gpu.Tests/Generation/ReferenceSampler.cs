using Llama.Gpu.Generation;

namespace Llama.Gpu.Tests.Generation;

/// <summary>
/// The logits processors of Hugging Face transformers in the order it applies them, written down step by step in doubles: every
/// token sorted, removed tokens set to minus infinity, probabilities anew after each.
/// </summary>
internal static class ReferenceSampler
{
    /// <summary>Probability of each token, and how near a token came to the border of being kept, in units of probability.</summary>
    public static (double[] Probabilities, double Margin) Distribution(float[] logits, int[] history, SamplingOptions options)
    {
        double margin = double.PositiveInfinity;
        double[] scores = [.. logits.Select(logit => (double)logit)];
        foreach (int id in history.Distinct())
        {
            float penalty = (float)options.RepetitionPenalty;
            scores[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
        }

        scores = [.. scores.Select(score => score / options.Temperature)];
        int[] order = [.. Enumerable.Range(0, scores.Length).OrderByDescending(id => scores[id]).ThenBy(id => id)];
        if (options.TopK > 0)
        {
            foreach (int id in order.Skip(options.TopK))
            {
                scores[id] = double.NegativeInfinity;
            }
        }

        if (options.TopP < 1)
        {
            var probabilities = Softmax(scores);
            double fromBelow = 0;
            var removed = new List<int>();
            foreach (int id in order.Reverse().SkipLast(1))
            {
                fromBelow += probabilities[id];
                if (double.IsFinite(scores[id]))
                {
                    margin = Math.Min(margin, Math.Abs(fromBelow - (1 - options.TopP)));
                }

                if (fromBelow <= 1 - options.TopP)
                {
                    removed.Add(id);
                }
            }

            removed.ForEach(id => scores[id] = double.NegativeInfinity);
        }

        if (options.MinP > 0)
        {
            var probabilities = Softmax(scores);
            double least = options.MinP * probabilities.Max();
            for (int id = 0; id < scores.Length; id++)
            {
                if (probabilities[id] < probabilities.Max())
                {
                    margin = Math.Min(margin, Math.Abs(probabilities[id] - least));
                }

                if (probabilities[id] < least)
                {
                    scores[id] = double.NegativeInfinity;
                }
            }
        }

        return (Softmax(scores), margin);
    }

    private static double[] Softmax(double[] scores)
    {
        double max = scores.Max();
        double[] weights = [.. scores.Select(score => Math.Exp(score - max))];
        double total = weights.Sum();
        return [.. weights.Select(weight => weight / total)];
    }
}
