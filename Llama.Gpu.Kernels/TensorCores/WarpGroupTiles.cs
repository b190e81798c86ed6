namespace Llama.Gpu.Kernels;

/// <summary>
/// Constants of a tile of <see cref="WarpGroupMatMul"/>, which has 128 rows of the output; given as a type argument so that the compiler sees
/// them as constants.
/// </summary>
internal interface IWarpGroupTile
{
    /// <summary>Columns of the output: 64, 128 or 256.</summary>
    static abstract int Columns { get; }

    /// <summary>Slices along K that shared memory holds: as many as fit.</summary>
    static abstract int Stages { get; }
}

/// <summary>128 x 256 outputs: 4 slices of 48 KiB.</summary>
internal readonly struct WideWarpGroupTile : IWarpGroupTile
{
    /// <inheritdoc/>
    public static int Columns => 256;

    /// <inheritdoc/>
    public static int Stages => 4;
}

/// <summary>128 x 128 outputs: 6 slices of 32 KiB.</summary>
internal readonly struct MiddleWarpGroupTile : IWarpGroupTile
{
    /// <inheritdoc/>
    public static int Columns => 128;

    /// <inheritdoc/>
    public static int Stages => 6;
}

/// <summary>128 x 64 outputs, so that few tokens give every multiprocessor a tile: 8 slices of 24 KiB.</summary>
internal readonly struct NarrowWarpGroupTile : IWarpGroupTile
{
    /// <inheritdoc/>
    public static int Columns => 64;

    /// <inheritdoc/>
    public static int Stages => 8;
}
