namespace Llama.Gpu.Kernels;

/// <summary>
/// Constants of the blocks of <see cref="PackedMatMul"/>, given as a type argument so that the compiler sees them as constants: their sums, with
/// what they are made of, fit into the processor's registers.
/// </summary>
internal interface IPackedTile
{
    /// <summary>Log2 of the lanes of a group.</summary>
    static abstract int LaneShift { get; }

    /// <summary>Vectors of tokens of a block.</summary>
    static abstract int RowVectors { get; }

    /// <summary>Columns of a block.</summary>
    static abstract int BlockColumns { get; }

    /// <summary>Depths that are written out in a turn of the inner loop.</summary>
    static abstract int Unroll { get; }
}

/// <summary>12 sums of 4 lanes: 16 registers.</summary>
internal readonly struct Packed4Tile : IPackedTile
{
    /// <inheritdoc/>
    public static int LaneShift => 2;

    /// <inheritdoc/>
    public static int RowVectors => 2;

    /// <inheritdoc/>
    public static int BlockColumns => 6;

    /// <inheritdoc/>
    public static int Unroll => 4;
}

/// <summary>12 sums of 8 lanes: 16 registers.</summary>
internal readonly struct Packed8Tile : IPackedTile
{
    /// <inheritdoc/>
    public static int LaneShift => 3;

    /// <inheritdoc/>
    public static int RowVectors => 2;

    /// <inheritdoc/>
    public static int BlockColumns => 6;

    /// <inheritdoc/>
    public static int Unroll => 4;
}

/// <summary>24 sums of 16 lanes: 32 registers.</summary>
internal readonly struct Packed16Tile : IPackedTile
{
    /// <inheritdoc/>
    public static int LaneShift => 4;

    /// <inheritdoc/>
    public static int RowVectors => 2;

    /// <inheritdoc/>
    public static int BlockColumns => 12;

    /// <inheritdoc/>
    public static int Unroll => 2;
}
