namespace Llama.Gpu.Kernels;

/// <summary>
/// Constants of a tile of <see cref="MatMul"/>, given as a type argument so that the compiler sees them as constants. A lane
/// computes 4 x 4 outputs; extents that indices are divided by are powers of two, given as shifts.
/// </summary>
internal interface IMatMulTile
{
    /// <summary>Rows of the tile over four: rows of lanes.</summary>
    static abstract int RowGroups { get; }

    /// <summary>Log2 of the columns of the tile over four: of the columns of lanes.</summary>
    static abstract int ColumnGroupShift { get; }

    /// <summary>Log2 of the elements along the inner dimension that are in shared memory at a time.</summary>
    static abstract int DepthShift { get; }
}

/// <summary>4 x 4 outputs by one lane.</summary>
internal readonly struct OneLaneTile : IMatMulTile
{
    /// <inheritdoc/>
    public static int RowGroups => 1;

    /// <inheritdoc/>
    public static int ColumnGroupShift => 0;

    /// <inheritdoc/>
    public static int DepthShift => 5;
}

/// <summary>32 x 32 outputs by 64 lanes.</summary>
internal readonly struct SmallTile : IMatMulTile
{
    /// <inheritdoc/>
    public static int RowGroups => 8;

    /// <inheritdoc/>
    public static int ColumnGroupShift => 3;

    /// <inheritdoc/>
    public static int DepthShift => 4;
}

/// <summary>64 x 64 outputs by 256 lanes.</summary>
internal readonly struct WideTile : IMatMulTile
{
    /// <inheritdoc/>
    public static int RowGroups => 16;

    /// <inheritdoc/>
    public static int ColumnGroupShift => 4;

    /// <inheritdoc/>
    public static int DepthShift => 4;
}
