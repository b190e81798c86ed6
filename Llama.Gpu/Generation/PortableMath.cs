using System.Numerics;

namespace Llama.Gpu.Generation;

/// <summary>
/// What sampling needs so that a seed gives the same tokens on every platform: <see cref="Math.Exp"/> is the C library's and differs
/// in the last bit between systems, while these use only operations that IEEE 754 rounds in one way, whatever the vectors' width.
/// </summary>
internal static class PortableMath
{
    private const double Log2E = 1.4426950408889634;

    // ln 2 in two parts: the high one has 21 zero bits at its end, so that k times it is exact for every exponent k
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;

    // added to a number below 2^51 it rounds it to a whole one, which then stands in the low bits
    private const double Rounder = 6755399441055744.0;

    // below this the result would be subnormal
    private const double Smallest = -708.0;

    // 1/n!, from 13 down to 0
    private static readonly double[] Taylor =
    [
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
        1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0,
    ];

    /// <summary>e to the power of <paramref name="x"/>, within 2 units in the last place; 0 where the result would be subnormal.</summary>
    /// <param name="x">At most 0, not NaN; minus infinity gives 0.</param>
    public static double ExpOfNonPositive(double x)
    {
        if (x < Smallest)
        {
            return 0.0;
        }

        // x = k ln 2 + r with |r| <= ln 2 / 2; the Taylor series of e^r to r^13 is off by less than 1e-17
        double rounded = (x * Log2E) + Rounder;
        double k = rounded - Rounder;
        double r = (x - (k * Ln2High)) - (k * Ln2Low);
        double sum = 0.0;
        foreach (double coefficient in Taylor)
        {
            sum = (sum * r) + coefficient;
        }

        return BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(sum) + (BitConverter.DoubleToInt64Bits(rounded) << 52));
    }

    /// <summary>Softmax's weights: e to the power of (score - max) / temperature, 1 for the largest.</summary>
    /// <param name="scores">No NaN.</param>
    /// <param name="max">The largest score, finite.</param>
    /// <param name="temperature">Above 0.</param>
    /// <param name="weights">As long as the scores, at least.</param>
    public static void Weights(ReadOnlySpan<float> scores, float max, double temperature, Span<double> weights)
    {
        int done = 0;
        var maximum = new Vector<double>(max);
        var divisor = new Vector<double>(temperature);
        for (; done <= scores.Length - Vector<float>.Count; done += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(scores[done..]), out var low, out var high);
            ExpOfNonPositive((low - maximum) / divisor).CopyTo(weights[done..]);
            ExpOfNonPositive((high - maximum) / divisor).CopyTo(weights[(done + Vector<double>.Count)..]);
        }

        for (; done < scores.Length; done++)
        {
            weights[done] = Weight(scores[done], max, temperature);
        }
    }

    /// <summary>One of <see cref="Weights"/>.</summary>
    public static double Weight(float score, float max, double temperature) => ExpOfNonPositive(((double)score - max) / temperature);

    /// <summary>
    /// Number <paramref name="index"/> of the stream that belongs to a seed, uniform in [0, 1) with 53 bits. Counter based:
    /// SplitMix64 (Steele, Lea and Flood, 2014), of which any output can be had without those before it.
    /// </summary>
    public static double Uniform(ulong seed, ulong index)
    {
        // mixing the seed first keeps the streams of neighbouring seeds apart
        ulong bits = Mix(Mix(seed) + ((index + 1) * 0x9E3779B97F4A7C15UL));
        return (bits >> 11) * (1.0 / (1UL << 53));
    }

    // the scalar one's steps, one by one
    private static Vector<double> ExpOfNonPositive(Vector<double> x)
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
        return Vector.ConditionalSelect(Vector.LessThan(x, new Vector<double>(Smallest)), Vector<double>.Zero, scaled);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
