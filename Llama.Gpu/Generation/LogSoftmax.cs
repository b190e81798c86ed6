namespace Llama.Gpu.Generation;

/// <summary>Logarithms of probabilities from logits, summed in double precision.</summary>
internal static class LogSoftmax
{
    /// <summary>What is subtracted from a logit to get the logarithm of its probability: ln of the sum of e to the logits.</summary>
    /// <param name="logits">A row of logits; minus infinity bars a token.</param>
    /// <exception cref="SamplingException">A logit is NaN or plus infinity, or all are minus infinity.</exception>
    public static double Normalizer(ReadOnlySpan<float> logits)
    {
        float max = float.NegativeInfinity;
        foreach (float logit in logits)
        {
            // NaN stays, since nothing compares with it
            max = logit > max || float.IsNaN(logit) ? logit : max;
        }

        if (!float.IsFinite(max))
        {
            throw new SamplingException("logits: expected numbers of which the largest is finite, found NaN or infinity");
        }

        double sum = 0.0;
        foreach (float logit in logits)
        {
            sum += ExactWeights.ExpOfNonPositive((double)logit - max);
        }

        return max + Math.Log(sum);
    }
}
