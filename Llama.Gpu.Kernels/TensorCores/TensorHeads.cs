namespace Llama.Gpu.Kernels;

/// <summary>
/// Constants of <see cref="TensorCoreAttention"/> for a width of heads, given as a type argument so that the compiler sees them as
/// constants.
/// </summary>
internal interface ITensorHead
{
    /// <summary>Log2 of the width of a head.</summary>
    static abstract int WidthShift { get; }

    /// <summary>Keys of a tile, a multiple of 16.</summary>
    static abstract int Keys { get; }

    /// <summary>Whether a warp has registers for its queries; else it loads them from shared memory for each tile of keys.</summary>
    static abstract bool HoldsQueries { get; }
}

/// <summary>Heads 64 wide.</summary>
internal readonly struct NarrowTensorHead : ITensorHead
{
    /// <inheritdoc/>
    public static int WidthShift => 6;

    /// <inheritdoc/>
    public static int Keys => 64;

    /// <inheritdoc/>
    public static bool HoldsQueries => true;
}

/// <summary>Heads 128 wide.</summary>
internal readonly struct WideTensorHead : ITensorHead
{
    /// <inheritdoc/>
    public static int WidthShift => 7;

    /// <inheritdoc/>
    public static int Keys => 48;

    /// <inheritdoc/>
    public static bool HoldsQueries => false;
}

/// <summary>How two numbers become a word of a fragment.</summary>
internal interface IFragmentWord
{
    /// <summary>Both rounded to nearest even, the first in the lower half.</summary>
    static abstract uint Pack(float low, float high);

    /// <summary>Whether neither of the two is infinite or NaN: whether their exponents have a bit that is not set.</summary>
    static abstract bool IsFinite(uint word);
}

/// <summary>Two f16.</summary>
internal readonly struct HalfWord : IFragmentWord
{
    /// <inheritdoc/>
    public static bool IsFinite(uint word) => (word & 0x7C00) != 0x7C00 & (word & 0x7C000000) != 0x7C000000;

    /// <inheritdoc/>
    public static uint Pack(float low, float high) => Interop.FloatAsInt((Half)low) | ((uint)Interop.FloatAsInt((Half)high) << 16);
}

/// <summary>Two bf16.</summary>
internal readonly struct BFloat16Word : IFragmentWord
{
    /// <inheritdoc/>
    public static bool IsFinite(uint word) => (word & 0x7F80) != 0x7F80 & (word & 0x7F800000) != 0x7F800000;

    /// <inheritdoc/>
    public static uint Pack(float low, float high) => ((BFloat16)low).Bits | ((uint)((BFloat16)high).Bits << 16);
}
