namespace Llama.Gpu.Kernels;

/// <summary>
/// Softmax's weights as whole numbers, so that their sums are the same in whatever order they are taken: a seed then gives the same token
/// on the host and on every accelerator, to the last bit. The largest weight of a row is <see cref="One"/>; others are rounded to the nearest
/// multiple of 2^-44 of it, which a token of probability below 3e-14 loses. All steps are operations that IEEE 754 rounds in one way.
/// </summary>
public static class ExactWeights
{
    /// <summary>The weight of the largest score.</summary>
    public const long One = 1L << 44;

    /// <summary>Longest row whose weights can be added up: 2^19 times <see cref="One"/> would be 2^63.</summary>
    public const int MaxVocabulary = (1 << 19) - 1;

    /// <summary>2^44: what shares of the largest weight are multiplied with.</summary>
    public const double Scale = One;

    /// <summary>2^52: added to a smaller number it rounds it to a whole one, which then stands in the low bits.</summary>
    public const double Rounder = 4503599627370496.0;

    /// <summary>The bits of <see cref="Rounder"/>.</summary>
    public const long RounderBits = 0x4330000000000000L;

    private const double Log2E = 1.4426950408889634;

    // ln 2 in two parts: the high one has 21 zero bits at its end, so that k times it is exact for every exponent k
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;

    // as Rounder, for numbers of either sign
    private const double SignedRounder = 6755399441055744.0;

    // below this the result would be subnormal
    private const double Smallest = -708.0;

    /// <summary>The weight of a score.</summary>
    /// <param name="score">Not NaN.</param>
    /// <param name="max">The largest score, finite.</param>
    /// <param name="temperature">Above 0.</param>
    public static long Of(float score, float max, double temperature) => OfExponent(((double)score - max) / temperature);

    /// <summary>The weight of <c>(score - max) / temperature</c>.</summary>
    public static long OfExponent(double exponent) => OfShare(ExpOfNonPositive(exponent));

    /// <summary>The weight that is this share of the largest.</summary>
    /// <param name="share">0 to 1.</param>
    public static long OfShare(double share) => (long)Interop.FloatAsInt((share * Scale) + Rounder) - RounderBits;

    /// <summary>The tokens of a nucleus are those, in descending order, before which there is less weight than this.</summary>
    /// <param name="topP">0 to 1.</param>
    /// <param name="total">The weight of all.</param>
    public static long NucleusBound(double topP, long total)
    {
        double limit = topP * total;
        long bound = (long)limit;
        bound = bound < limit ? bound + 1 : bound;
        return IntrinsicMath.Max(1L, bound);
    }

    /// <summary>What a draw looks for: it takes the first token, in ascending order of id, up to which there is more weight than this.</summary>
    /// <param name="uniform">In [0, 1).</param>
    /// <param name="total">The weight of all tokens to draw from.</param>
    public static long Target(double uniform, long total) => IntrinsicMath.Min(total - 1, (long)(uniform * total));

    /// <summary>
    /// Number <paramref name="index"/> of the stream that belongs to a seed, uniform in [0, 1) with 53 bits. Counter based:
    /// SplitMix64 (Steele, Lea and Flood, 2014), of which any output can be had without those before it.
    /// </summary>
    public static double Uniform(ulong seed, ulong index)
    {
        // mixing the seed first keeps the streams of neighbouring seeds apart
        ulong bits = Mix(Mix(seed) + ((index + 1) * 0x9E3779B97F4A7C15UL));
        return (long)(bits >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>e to the power of <paramref name="x"/>, within 2 units in the last place; 0 where the result would be subnormal.</summary>
    /// <param name="x">At most 0, not NaN; minus infinity gives 0.</param>
    public static double ExpOfNonPositive(double x)
    {
        if (x < Smallest)
        {
            return 0.0;
        }

        // x = k ln 2 + r with |r| <= ln 2 / 2; the Taylor series of e^r to r^13 is off by less than 1e-17
        double rounded = (x * Log2E) + SignedRounder;
        double k = rounded - SignedRounder;
        double r = (x - (k * Ln2High)) - (k * Ln2Low);
        double sum = 1.0 / 6227020800;
        sum = (sum * r) + (1.0 / 479001600);
        sum = (sum * r) + (1.0 / 39916800);
        sum = (sum * r) + (1.0 / 3628800);
        sum = (sum * r) + (1.0 / 362880);
        sum = (sum * r) + (1.0 / 40320);
        sum = (sum * r) + (1.0 / 5040);
        sum = (sum * r) + (1.0 / 720);
        sum = (sum * r) + (1.0 / 120);
        sum = (sum * r) + (1.0 / 24);
        sum = (sum * r) + (1.0 / 6);
        sum = (sum * r) + 0.5;
        sum = (sum * r) + 1.0;
        sum = (sum * r) + 1.0;
        return Interop.IntAsFloat(Interop.FloatAsInt(sum) + (Interop.FloatAsInt(rounded) << 52));
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
