namespace Llama.Gpu.Kernels;

/// <summary>
/// Constants of a tile of <see cref="TensorCoreMatMul"/>, given as a type argument so that the compiler sees them as constants. A warp
/// computes 16 * <see cref="RowTiles"/> rows of 8 * <see cref="ColumnTiles"/> columns.
/// </summary>
internal interface ITensorTile
{
    /// <summary>Rows of the output.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of the output.</summary>
    static abstract int Columns { get; }

    /// <summary>Lanes of a group.</summary>
    static abstract int Lanes { get; }

    /// <summary>Log2 of the warps side by side.</summary>
    static abstract int WarpColumnShift { get; }

    /// <summary>Products of 16 rows that a warp has below each other.</summary>
    static abstract int RowTiles { get; }

    /// <summary>Products of 8 columns that a warp has side by side; even, since two are loaded at once.</summary>
    static abstract int ColumnTiles { get; }

    /// <summary>Whether <see cref="InputRounding"/> comes before; else the input is rounded on its way.</summary>
    static abstract bool TakesRounded { get; }

    /// <summary>Groups that a multiprocessor has registers and shared memory for.</summary>
    static abstract int Resident { get; }
}

/// <summary>128 x 256 outputs by 8 warps of 64 x 64: the fewest bytes for each product, for many outputs.</summary>
internal readonly struct LargeTensorTile : ITensorTile
{
    /// <inheritdoc/>
    public static int Rows => 128;

    /// <inheritdoc/>
    public static int Columns => 256;

    /// <inheritdoc/>
    public static int Lanes => 256;

    /// <inheritdoc/>
    public static int WarpColumnShift => 2;

    /// <inheritdoc/>
    public static int RowTiles => 4;

    /// <inheritdoc/>
    public static int ColumnTiles => 8;

    /// <inheritdoc/>
    public static bool TakesRounded => true;

    /// <inheritdoc/>
    public static int Resident => 1;
}

/// <summary>128 x 128 outputs by 8 warps of 64 x 32.</summary>
internal readonly struct WideTensorTile : ITensorTile
{
    /// <inheritdoc/>
    public static int Rows => 128;

    /// <inheritdoc/>
    public static int Columns => 128;

    /// <inheritdoc/>
    public static int Lanes => 256;

    /// <inheritdoc/>
    public static int WarpColumnShift => 2;

    /// <inheritdoc/>
    public static int RowTiles => 4;

    /// <inheritdoc/>
    public static int ColumnTiles => 4;

    /// <inheritdoc/>
    public static bool TakesRounded => true;

    /// <inheritdoc/>
    public static int Resident => 1;
}

/// <summary>64 x 64 outputs by 4 warps of 32 x 32: where wider tiles would leave multiprocessors without work.</summary>
internal readonly struct SquareTensorTile : ITensorTile
{
    /// <inheritdoc/>
    public static int Rows => 64;

    /// <inheritdoc/>
    public static int Columns => 64;

    /// <inheritdoc/>
    public static int Lanes => 128;

    /// <inheritdoc/>
    public static int WarpColumnShift => 1;

    /// <inheritdoc/>
    public static int RowTiles => 2;

    /// <inheritdoc/>
    public static int ColumnTiles => 4;

    /// <inheritdoc/>
    public static bool TakesRounded => true;

    /// <inheritdoc/>
    public static int Resident => 4;
}

/// <summary>32 x 64 outputs by 4 warps: for few tokens, where a wide tile would mostly compute what is not stored.</summary>
internal readonly struct NarrowTensorTile : ITensorTile
{
    /// <inheritdoc/>
    public static int Rows => 32;

    /// <inheritdoc/>
    public static int Columns => 64;

    /// <inheritdoc/>
    public static int Lanes => 128;

    /// <inheritdoc/>
    public static int WarpColumnShift => 1;

    /// <inheritdoc/>
    public static int RowTiles => 1;

    /// <inheritdoc/>
    public static int ColumnTiles => 4;

    /// <inheritdoc/>
    public static bool TakesRounded => false;

    /// <inheritdoc/>
    public static int Resident => 5;
}

/// <summary>How a slice of the weight comes into shared memory.</summary>
internal interface IWeightStaging
{
    /// <summary>Whether rows consist of whole chunks of 8 elements at multiples of 16 bytes, which are copied asynchronously.</summary>
    static abstract bool InChunks { get; }
}

/// <summary>The weight begins at a multiple of 16 bytes, and K is a multiple of 8.</summary>
internal readonly struct ChunkStaging : IWeightStaging
{
    /// <inheritdoc/>
    public static bool InChunks => true;
}

/// <summary>Any weight: element by element.</summary>
internal readonly struct ElementStaging : IWeightStaging
{
    /// <inheritdoc/>
    public static bool InChunks => false;
}
