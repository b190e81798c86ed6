using System.Numerics;

namespace Llama.Gpu.Generation;

/// <summary>
/// The weights of a whole row in vectors, with the bits of <see cref="ExactWeights"/>: <see cref="Math.Exp"/> is the C library's and differs
/// in the last bit between systems, while these use only operations that IEEE 754 rounds in one way, whatever the vectors' width.
/// </summary>
internal static class PortableMath
{
    private const double Log2E = 1.4426950408889634;
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;
    private const double Rounder = 6755399441055744.0;
    private const double Smallest = -708.0;

    // 1/n!, from 13 down to 0
    private static readonly double[] Taylor =
    [
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
        1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0,
    ];

    /// <summary>Softmax's weights: e to the power of (score - max) / temperature, in units of the largest.</summary>
    /// <param name="scores">No NaN.</param>
    /// <param name="max">The largest score, finite.</param>
    /// <param name="temperature">Above 0.</param>
    /// <param name="weights">As long as the scores, at least.</param>
    public static void Weights(ReadOnlySpan<float> scores, float max, double temperature, Span<long> weights)
    {
        int done = 0;
        var maximum = new Vector<double>(max);
        var divisor = new Vector<double>(temperature);
        for (; done <= scores.Length - Vector<float>.Count; done += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(scores[done..]), out var low, out var high);
            OfExponent((low - maximum) / divisor).CopyTo(weights[done..]);
            OfExponent((high - maximum) / divisor).CopyTo(weights[(done + Vector<double>.Count)..]);
        }

        for (; done < scores.Length; done++)
        {
            weights[done] = ExactWeights.Of(scores[done], max, temperature);
        }
    }

    // the scalar one's steps, one by one
    private static Vector<long> OfExponent(Vector<double> x)
    {
        var rounder = new Vector<double>(Rounder);
        var rounded = (x * Log2E) + rounder;
        var k = rounded - rounder;
        var r = (x - (k * Ln2High)) - (k * Ln2Low);
        var sum = Vector<double>.Zero;
        foreach (double coefficient in Taylor)
        {
            sum = (sum * r) + new Vector<double>(coefficient);
        }

        var scaled = Vector.AsVectorDouble(Vector.AsVectorInt64(sum) + (Vector.AsVectorInt64(rounded) << 52));
        var share = Vector.ConditionalSelect(Vector.LessThan(x, new Vector<double>(Smallest)), Vector<double>.Zero, scaled);
        return Vector.AsVectorInt64((share * ExactWeights.Scale) + new Vector<double>(ExactWeights.Rounder))
            - new Vector<long>(ExactWeights.RounderBits);
    }
}
