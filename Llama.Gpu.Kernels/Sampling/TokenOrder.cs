namespace Llama.Gpu.Kernels;

/// <summary>The order of tokens by logit, and of equal logits by id, as whole numbers.</summary>
internal static class TokenOrder
{
    /// <summary>What <see cref="OfLogit"/> gives for NaN: above every number.</summary>
    public const int NaN = int.MaxValue;

    /// <summary>What <see cref="OfLogit"/> gives for minus infinity.</summary>
    public const int MinusInfinity = unchecked((int)0xFF800000) ^ int.MaxValue;

    /// <summary>What <see cref="OfLogit"/> gives for plus infinity.</summary>
    public const int PlusInfinity = 0x7F800000;

    /// <summary>Larger for a larger logit, equal for 0 and -0.</summary>
    public static int OfLogit(float logit)
    {
        // adding +0 turns -0 into +0: they are equal, and their bits have to be
        int bits = (int)Interop.FloatAsInt(logit + 0f);
        int order = bits < 0 ? bits ^ int.MaxValue : bits;
        return XMath.IsNaN(logit) ? NaN : order;
    }

    /// <summary>The logit.</summary>
    public static float Logit(int order) => Interop.IntAsFloat((uint)(order < 0 ? order ^ int.MaxValue : order));

    /// <summary>Larger for a larger logit and, of equal ones, for the lower id; as an unsigned number, so that its digits are in order.</summary>
    public static ulong Key(float logit, int id) =>
        ((ulong)((uint)OfLogit(logit) ^ 0x80000000u) << 32) | ~(uint)id;
}
