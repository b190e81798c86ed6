namespace Llama.Gpu.Kernels;

/// <summary>The tiles that <see cref="WarpGroupMatMul"/> is compiled for: their columns, and one more for two tiles by a cluster.</summary>
internal enum WarpGroupTile
{
    /// <summary>128 x 64.</summary>
    Narrow = 64,

    /// <summary>128 x 128.</summary>
    Middle = 128,

    /// <summary>Two of 128 x 128, by a cluster.</summary>
    MiddlePaired = Middle + 1,

    /// <summary>128 x 256.</summary>
    Wide = 256,

    /// <summary>Two of 128 x 256, by a cluster.</summary>
    WidePaired = Wide + 1,
}

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

    /// <summary>Groups whose tiles lie one below the other, and which fetch their slices of the weight for each other: 1 or 2.</summary>
    static abstract int Groups { get; }
}

/// <summary>128 x 256 outputs: 4 slices of 48 KiB.</summary>
internal readonly struct WideWarpGroupTile : IWarpGroupTile
{
    /// <inheritdoc/>
    public static int Columns => 256;

    /// <inheritdoc/>
    public static int Stages => 4;

    /// <inheritdoc/>
    public static int Groups => 1;
}

/// <summary>The same by a cluster of two groups, of which each fetches half of the weight's slice: 256 x 256 outputs.</summary>
internal readonly struct WidePairedWarpGroupTile : IWarpGroupTile
{
    /// <inheritdoc/>
    public static int Columns => 256;

    /// <inheritdoc/>
    public static int Stages => 4;

    /// <inheritdoc/>
    public static int Groups => 2;
}

/// <summary>128 x 128 outputs: 6 slices of 32 KiB.</summary>
internal readonly struct MiddleWarpGroupTile : IWarpGroupTile
{
    /// <inheritdoc/>
    public static int Columns => 128;

    /// <inheritdoc/>
    public static int Stages => 6;

    /// <inheritdoc/>
    public static int Groups => 1;
}

/// <summary>The same by a cluster of two groups, of which each fetches half of the weight's slice: 256 x 128 outputs.</summary>
internal readonly struct MiddlePairedWarpGroupTile : IWarpGroupTile
{
    /// <inheritdoc/>
    public static int Columns => 128;

    /// <inheritdoc/>
    public static int Stages => 6;

    /// <inheritdoc/>
    public static int Groups => 2;
}

/// <summary>128 x 64 outputs, so that few tokens give every multiprocessor a tile: 8 slices of 24 KiB.</summary>
internal readonly struct NarrowWarpGroupTile : IWarpGroupTile
{
    /// <inheritdoc/>
    public static int Columns => 64;

    /// <inheritdoc/>
    public static int Stages => 8;

    /// <inheritdoc/>
    public static int Groups => 1;
}
