namespace Llama.Gpu.Jit;

/// <summary>Integer and comparison functions that kernels may call, under ILGPU's names.</summary>
public static class IntrinsicMath
{
    /// <summary>The value without its sign; <see cref="int.MinValue"/> stays as it is.</summary>
    public static int Abs(int value) => value < 0 ? -value : value;

    /// <summary>The smaller of two.</summary>
    public static int Min(int first, int second) => Math.Min(first, second);

    /// <summary>The smaller of two.</summary>
    public static long Min(long first, long second) => Math.Min(first, second);

    /// <summary>The larger of two.</summary>
    public static int Max(int first, int second) => Math.Max(first, second);

    /// <summary>The larger of two.</summary>
    public static long Max(long first, long second) => Math.Max(first, second);

    /// <summary><paramref name="value"/>, or the bound it lies beyond.</summary>
    public static int Clamp(int value, int min, int max) => Math.Max(Math.Min(value, max), min);

    /// <summary>How many times <paramref name="denominator"/> it takes to cover <paramref name="numerator"/>; both positive.</summary>
    public static int DivRoundUp(int numerator, int denominator) => (numerator + denominator - 1) / denominator;

    /// <summary>How many times <paramref name="denominator"/> it takes to cover <paramref name="numerator"/>; both positive.</summary>
    public static long DivRoundUp(long numerator, long denominator) => (numerator + denominator - 1) / denominator;
}
