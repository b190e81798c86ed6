namespace Llama.Gpu.Kernels;

/// <summary>The tiles of <see cref="TensorCoreMatMul"/>.</summary>
internal enum TensorTile
{
    /// <summary>128 x 256 by 8 warps.</summary>
    Large,

    /// <summary>128 x 128 by 8 warps.</summary>
    Wide,

    /// <summary>64 x 64 by 4 warps.</summary>
    Square,

    /// <summary>32 x 64 by 4 warps.</summary>
    Narrow,
}

/// <summary>
/// Which tile a product takes: the one that a device is done with first by its own limits. Large tiles fetch the least for each product,
/// small ones leave no multiprocessor without work where there are few outputs.
/// </summary>
internal static class TensorTileTable
{
    // of a multiprocessor of an H100: a product of 16 x 8 x 16 by mma.sync, which reaches 62% of the chip's rate; bytes a cycle between
    // registers and shared memory, and from the second-level cache; and what a slice takes at least from its barrier to its sums
    private const double CyclesPerProduct = 1.6;
    private const double SharedBytesPerCycle = 128;
    private const double FetchedBytesPerCycle = 32;
    private const double LeastCycles = 500;

    private static readonly Dictionary<TensorTile, Extents> Tiles = new()
    {
        [TensorTile.Large] = Of<LargeTensorTile>(),
        [TensorTile.Wide] = Of<WideTensorTile>(),
        [TensorTile.Square] = Of<SquareTensorTile>(),
        [TensorTile.Narrow] = Of<NarrowTensorTile>(),
    };

    /// <summary>The tile for a product of so many rows and columns on a device of so many multiprocessors; of equals the smallest.</summary>
    public static TensorTile For(int rows, int columns, int multiprocessors) =>
        Tiles.Keys.MinBy(tile => (Cycles(tile, rows, columns, multiprocessors), Tiles[tile].Rows * Tiles[tile].Columns));

    /// <summary>Cycles that a slice of 32 along K takes on the whole device.</summary>
    public static double Cycles(TensorTile tile, int rows, int columns, int multiprocessors)
    {
        Extents extents = Tiles[tile];
        long groups = GroupsOf(tile, rows, columns);

        // groups that share a multiprocessor share its limits, but wait at the same time
        long rounds = IntrinsicMath.DivRoundUp(groups, (long)multiprocessors);
        long waits = IntrinsicMath.DivRoundUp(groups, (long)multiprocessors * extents.Resident);
        return Math.Max(rounds * extents.SliceCycles, waits * LeastCycles);
    }

    /// <summary>Groups of a product.</summary>
    public static long GroupsOf(TensorTile tile, int rows, int columns) =>
        (long)IntrinsicMath.DivRoundUp(rows, Tiles[tile].Rows) * IntrinsicMath.DivRoundUp(columns, Tiles[tile].Columns);

    private static Extents Of<TTile>()
        where TTile : struct, ITensorTile
    {
        int warps = TTile.Lanes / TensorCore.WarpSize;
        int sliceBytes = TensorCoreMatMul.Depth * 2;
        double products = TTile.Rows / 16 * (TTile.Columns / 8) * (TensorCoreMatMul.Depth / 16) * CyclesPerProduct;
        double shared = ((warps * ((16 * TTile.RowTiles) + (8 * TTile.ColumnTiles))) + TTile.Rows + TTile.Columns) * sliceBytes / SharedBytesPerCycle;
        double fetched = (((TTile.TakesRounded ? 1 : 2) * TTile.Rows) + TTile.Columns) * sliceBytes / FetchedBytesPerCycle;
        return new(TTile.Rows, TTile.Columns, TTile.Resident, Math.Max(products, Math.Max(shared, fetched)));
    }

    private readonly record struct Extents(int Rows, int Columns, int Resident, double SliceCycles);
}
