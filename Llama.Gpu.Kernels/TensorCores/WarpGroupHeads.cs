namespace Llama.Gpu.Kernels;

/// <summary>
/// Constants of <see cref="WarpGroupAttention"/> for a width of heads, given as a type argument so that the compiler sees them as
/// constants.
/// </summary>
internal interface IWarpGroupHead
{
    /// <summary>Log2 of the width of a head.</summary>
    static abstract int WidthShift { get; }

    /// <summary>Log2 of the tiles of keys, and of values, that shared memory holds.</summary>
    static abstract int StageShift { get; }
}

/// <summary>Heads 64 wide: four tiles of 16 KiB of keys, and as many of values.</summary>
internal readonly struct NarrowWarpGroupHead : IWarpGroupHead
{
    /// <inheritdoc/>
    public static int WidthShift => 6;

    /// <inheritdoc/>
    public static int StageShift => 2;
}

/// <summary>Heads 128 wide: two tiles of 32 KiB of keys, and as many of values.</summary>
internal readonly struct WideWarpGroupHead : IWarpGroupHead
{
    /// <inheritdoc/>
    public static int WidthShift => 7;

    /// <inheritdoc/>
    public static int StageShift => 1;
}
