using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// Pseudo-random weights of a normal distribution, each a function of (seed, tensor name, element index) alone: any part of a tensor
/// can be computed by any thread in any order, and a cut or sharded checkpoint has the same values. The values of the narrower types are
/// those of f32, rounded.
/// </summary>
/// <remarks>
/// SplitMix64 over the index gives 64 bits for four elements; 16 bits choose one of 65536 quantiles of the distribution from a table.
/// </remarks>
internal static class NormalWeights
{
    /// <summary>Standard deviation: what Llama's linear layers are initialized with.</summary>
    public const double StandardDeviation = 0.02;

    private const int QuantileCount = 1 << 16;
    private const int PerHash = 4;
    private const ulong Golden = 0x9E37_79B9_7F4A_7C15;

    private static readonly float[] Quantiles = ComputeQuantiles();
    private static readonly ushort[] HalfQuantiles = Array.ConvertAll(Quantiles, value => BitConverter.HalfToUInt16Bits((Half)value));
    private static readonly ushort[] BFloatQuantiles = Array.ConvertAll(Quantiles, value => ((Jit.BFloat16)value).Bits);

    /// <summary>The key of a tensor's sequence.</summary>
    public static ulong Key(ulong seed, string tensor)
    {
        // FNV-1a over the name, then mixed with the seed
        ulong hash = 0xCBF2_9CE4_8422_2325;
        foreach (byte b in Encoding.UTF8.GetBytes(tensor))
        {
            hash = (hash ^ b) * 0x0000_0100_0000_01B3;
        }

        return Mix(Mix(seed + Golden) ^ hash);
    }

    /// <summary>Fills a part of a tensor.</summary>
    /// <param name="key">See <see cref="Key"/>.</param>
    /// <param name="firstElement">Index of the part's first element; a multiple of 4.</param>
    /// <param name="type">Element type.</param>
    /// <param name="destination">A whole number of elements.</param>
    public static void Fill(ulong key, long firstElement, TensorType type, Span<byte> destination)
    {
        switch (type)
        {
            case TensorType.Float32:
                Fill(key, firstElement, Quantiles, MemoryMarshal.Cast<byte, float>(destination));
                break;
            case TensorType.Float16:
                Fill(key, firstElement, HalfQuantiles, MemoryMarshal.Cast<byte, ushort>(destination));
                break;
            default:
                Fill(key, firstElement, BFloatQuantiles, MemoryMarshal.Cast<byte, ushort>(destination));
                break;
        }
    }

    private static void Fill<T>(ulong key, long firstElement, T[] quantiles, Span<T> destination)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(quantiles.Length, QuantileCount);
        ref T table = ref MemoryMarshal.GetArrayDataReference(quantiles);
        ulong counter = key + (ulong)(firstElement / PerHash) * Golden;
        int whole = destination.Length & ~(PerHash - 1);
        ref T target = ref MemoryMarshal.GetReference(destination);
        for (int i = 0; i < whole; i += PerHash)
        {
            ulong bits = Mix(counter += Golden);
            Unsafe.Add(ref target, i) = Unsafe.Add(ref table, (nint)(ushort)bits);
            Unsafe.Add(ref target, i + 1) = Unsafe.Add(ref table, (nint)(ushort)(bits >> 16));
            Unsafe.Add(ref target, i + 2) = Unsafe.Add(ref table, (nint)(ushort)(bits >> 32));
            Unsafe.Add(ref target, i + 3) = Unsafe.Add(ref table, (nint)(bits >> 48));
        }

        ulong last = Mix(counter + Golden);
        for (int i = whole; i < destination.Length; i++)
        {
            destination[i] = quantiles[(ushort)(last >> (16 * (i - whole)))];
        }
    }

    // the finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    // The i-th value has a share of (i + 1/2) / 65536 of the distribution below it; found by Newton's method from the middle outwards.
    private static float[] ComputeQuantiles()
    {
        float[] quantiles = new float[QuantileCount];
        double x = 0;
        for (int i = QuantileCount / 2; i < QuantileCount; i++)
        {
            double wanted = (i + 0.5) / QuantileCount;
            for (int step = 0; step < 4; step++)
            {
                var (below, density) = NormalDistribution(x);
                x += (wanted - below) / density;
            }

            quantiles[i] = (float)(x * StandardDeviation);
            quantiles[QuantileCount - 1 - i] = -quantiles[i];
        }

        return quantiles;
    }

    // Marsaglia, Evaluating the normal distribution (2004): 1/2 + density(x) * (x + x^3/3 + x^5/(3*5) + ...)
    private static (double Below, double Density) NormalDistribution(double x)
    {
        double density = Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);
        double sum = x;
        double term = x;
        for (int n = 3; term > sum * 1e-17; n += 2)
        {
            term *= x * x / n;
            sum += term;
        }

        return (0.5 + density * sum, density);
    }
}
