namespace Llama.Gpu.Kernels;

/// <summary>
/// Constants of a tile of <see cref="MatMul"/>, given as a type argument so that the compiler sees them as constants. Extents that
/// indices are divided by are powers of two, given as shifts.
/// </summary>
internal interface IMatMulTile
{
    /// <summary>Rows of a lane's block of outputs.</summary>
    static abstract int RowsPerLane { get; }

    /// <summary>Columns of a lane's block of outputs.</summary>
    static abstract int ColumnsPerLane { get; }

    /// <summary>Rows of lanes.</summary>
    static abstract int LaneRows { get; }

    /// <summary>Log2 of the columns of lanes.</summary>
    static abstract int LaneColumnShift { get; }

    /// <summary>Log2 of the elements along the inner dimension that are in shared memory at a time; at least 3.</summary>
    static abstract int DepthShift { get; }

    /// <summary>
    /// Elements between two depths of a slice, beyond the slice's width: where memory has banks, what is stored together should not
    /// fall into one; a multiple of four, so that what is read together stays aligned.
    /// </summary>
    static abstract int Padding { get; }

    /// <summary>Log2 of the neighbouring rows that lanes take while staging.</summary>
    static abstract int StagedRowShift { get; }

    /// <summary>Whether the input goes through shared memory too, or is read where it lies.</summary>
    static abstract bool StagesInput { get; }
}

/// <summary>4 x 4 outputs by one lane.</summary>
internal readonly struct OneLaneTile : IMatMulTile
{
    /// <inheritdoc/>
    public static int RowsPerLane => 4;

    /// <inheritdoc/>
    public static int ColumnsPerLane => 4;

    /// <inheritdoc/>
    public static int LaneRows => 1;

    /// <inheritdoc/>
    public static int LaneColumnShift => 0;

    /// <inheritdoc/>
    public static int DepthShift => 5;

    /// <inheritdoc/>
    public static int Padding => 0;

    /// <inheritdoc/>
    public static int StagedRowShift => 2;

    /// <inheritdoc/>
    public static bool StagesInput => false;
}

/// <summary>32 x 32 outputs by 64 lanes.</summary>
internal readonly struct SmallTile : IMatMulTile
{
    /// <inheritdoc/>
    public static int RowsPerLane => 4;

    /// <inheritdoc/>
    public static int ColumnsPerLane => 4;

    /// <inheritdoc/>
    public static int LaneRows => 8;

    /// <inheritdoc/>
    public static int LaneColumnShift => 3;

    /// <inheritdoc/>
    public static int DepthShift => 5;

    /// <inheritdoc/>
    public static int Padding => 4;

    /// <inheritdoc/>
    public static int StagedRowShift => 5;

    /// <inheritdoc/>
    public static bool StagesInput => true;
}

/// <summary>64 x 64 outputs by 256 lanes.</summary>
internal readonly struct WideTile : IMatMulTile
{
    /// <inheritdoc/>
    public static int RowsPerLane => 4;

    /// <inheritdoc/>
    public static int ColumnsPerLane => 4;

    /// <inheritdoc/>
    public static int LaneRows => 16;

    /// <inheritdoc/>
    public static int LaneColumnShift => 4;

    /// <inheritdoc/>
    public static int DepthShift => 5;

    /// <inheritdoc/>
    public static int Padding => 4;

    /// <inheritdoc/>
    public static int StagedRowShift => 5;

    /// <inheritdoc/>
    public static bool StagesInput => true;
}
