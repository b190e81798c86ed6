namespace Llama.Gpu.Kernels;

/// <summary>
/// Constants of <see cref="PackedMatMul"/> and <see cref="PackedAttention"/>, given as a type argument so that the compiler sees them as
/// constants: the sums of a block, with what they are made of, fit into the processor's registers, and what a group has of weights and
/// sums into its shared memory.
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

    /// <summary>Log2 of the depth of a slice.</summary>
    static abstract int DepthShift { get; }

    /// <summary>Blocks of columns whose weights are in shared memory at a time.</summary>
    static abstract int StagedBlocks { get; }

    /// <summary>Tokens of a group; whole blocks.</summary>
    static abstract int PanelRows { get; }

    /// <summary>Log2 of the widest head that <see cref="PackedAttention"/> takes.</summary>
    static abstract int HeadShift { get; }

    /// <summary>Most columns of a group.</summary>
    static abstract int MaxColumns { get; }
}

/// <summary>6 sums of 4 lanes over slices of 8, for the accelerators that look at every access: all ends are near.</summary>
internal readonly struct PackedSmallTile : IPackedTile
{
    /// <inheritdoc/>
    public static int LaneShift => 2;

    /// <inheritdoc/>
    public static int RowVectors => 2;

    /// <inheritdoc/>
    public static int BlockColumns => 3;

    /// <inheritdoc/>
    public static int Unroll => 2;

    /// <inheritdoc/>
    public static int DepthShift => 3;

    /// <inheritdoc/>
    public static int StagedBlocks => 2;

    /// <inheritdoc/>
    public static int PanelRows => 16;

    /// <inheritdoc/>
    public static int HeadShift => 5;

    /// <inheritdoc/>
    public static int MaxColumns => 16;
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
    public static int Unroll => 8;

    /// <inheritdoc/>
    public static int DepthShift => 7;

    /// <inheritdoc/>
    public static int StagedBlocks => 4;

    /// <inheritdoc/>
    public static int PanelRows => 128;

    /// <inheritdoc/>
    public static int HeadShift => 7;

    /// <inheritdoc/>
    public static int MaxColumns => 64;
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
    public static int Unroll => 8;

    /// <inheritdoc/>
    public static int DepthShift => 7;

    /// <inheritdoc/>
    public static int StagedBlocks => 4;

    /// <inheritdoc/>
    public static int PanelRows => 128;

    /// <inheritdoc/>
    public static int HeadShift => 7;

    /// <inheritdoc/>
    public static int MaxColumns => 64;
}

/// <summary>16 sums of 16 lanes: 32 registers, which more sums would fill, but more of a slice then has to come from the second-level cache.</summary>
internal readonly struct Packed16Tile : IPackedTile
{
    /// <inheritdoc/>
    public static int LaneShift => 4;

    /// <inheritdoc/>
    public static int RowVectors => 2;

    /// <inheritdoc/>
    public static int BlockColumns => 8;

    /// <inheritdoc/>
    public static int Unroll => 8;

    /// <inheritdoc/>
    public static int DepthShift => 7;

    /// <inheritdoc/>
    public static int StagedBlocks => 2;

    /// <inheritdoc/>
    public static int PanelRows => 128;

    /// <inheritdoc/>
    public static int HeadShift => 7;

    /// <inheritdoc/>
    public static int MaxColumns => 64;
}
