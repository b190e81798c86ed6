namespace Llama.Gpu.Generation;

/// <summary>
/// What sampling needs so that a seed gives the same tokens on every platform: <see cref="Math.Exp"/> is the C library's and differs
/// in the last bit between systems, while these use only operations that IEEE 754 rounds in one way.
/// </summary>
internal static class PortableMath
{
    private const double Log2E = 1.4426950408889634;

    // ln 2 in two parts: the high one has 21 zero bits at its end, so that k times it is exact for every exponent k
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;

    // below this the result would be subnormal
    private const double Smallest = -708.0;

    /// <summary>e to the power of <paramref name="x"/>, within 2 units in the last place; 0 where the result would be subnormal.</summary>
    /// <param name="x">At most 0, not NaN; minus infinity gives 0.</param>
    public static double ExpOfNonPositive(double x)
    {
        if (x < Smallest)
        {
            return 0.0;
        }

        // x = k ln 2 + r with |r| <= ln 2 / 2; the Taylor series of e^r to r^13 is off by less than 1e-17
        double k = Math.Round(x * Log2E);
        double r = (x - (k * Ln2High)) - (k * Ln2Low);
        double sum = 1.0;
        for (int term = 13; term >= 1; term--)
        {
            sum = 1.0 + (sum * r / term);
        }

        return sum * BitConverter.Int64BitsToDouble(((long)k + 1023) << 52);
    }

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

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
