namespace Llama.Gpu.Kernels;

/// <content>Device code.</content>
public sealed partial class WarpGroupMatMul
{
    /// <summary>Lanes of a group: a warp group that copies and two that multiply.</summary>
    internal const int Lanes = 3 * WarpGroup.Size;

    /// <summary>Rows of a tile: 64 for each warp group that multiplies.</summary>
    internal const int TileRows = 128;

    private const int Depth = 64;
    private const int StepDepth = 16;
    private const int WarpGroupRows = 64;
    private const int MultiplyingWarps = 8;

    // 65,536 registers over three warp groups, in the units that setmaxnreg takes
    private const int CopyingRegisters = 40;
    private const int MultiplyingRegisters = 232;

    // rows of tiles that are worked on together: the groups that run at once then read few columns and few rows, out of the L2 cache
    private const int BandRows = 8;

    [GroupSize(Lanes)]
    internal static void TileKernel<T, TTile>(
        TensorMap<T> input, TensorMap<T> weight, ArrayView<float> output, int rows, int columns, int innerSize)
        where T : unmanaged
        where TTile : struct, IWarpGroupTile => Tiles<T, TTile>(input, weight, output, rows, columns, innerSize);

    [GroupSize(Lanes)]
    [ClusterSize(2)]
    internal static void PairKernel<T, TTile>(
        TensorMap<T> input, TensorMap<T> weight, ArrayView<float> output, int rows, int columns, int innerSize)
        where T : unmanaged
        where TTile : struct, IWarpGroupTile => Tiles<T, TTile>(input, weight, output, rows, columns, innerSize);

    private static void Tiles<T, TTile>(
        TensorMap<T> input, TensorMap<T> weight, ArrayView<float> output, int rows, int columns, int innerSize)
        where T : unmanaged
        where TTile : struct, IWarpGroupTile
    {
        // one after the other: the slices of the input, those of the weight, the barriers that say full, those that say free
        ArrayView<T> memory = SharedMemory.GetDynamic<T>();
        ArrayView<T> inputSlices = memory.SubView(0, TTile.Stages * TileRows * Depth);
        ArrayView<T> weightSlices = memory.SubView(TTile.Stages * TileRows * Depth, TTile.Stages * TTile.Columns * Depth);
        ArrayView<ulong> barriers = memory.SubView(TTile.Stages * (TileRows + TTile.Columns) * Depth).Cast<ulong>();
        ArrayView<ulong> full = barriers.SubView(0, TTile.Stages);
        ArrayView<ulong> free = barriers.SubView(TTile.Stages, TTile.Stages);
        if (Group.IdxX == 0)
        {
            for (int stage = 0; stage < TTile.Stages; stage++)
            {
                AsyncBarrier.Initialize(full, stage, 1);
                AsyncBarrier.Initialize(free, stage, MultiplyingWarps * TTile.Groups);
            }
        }

        Synchronize<TTile>();
        int down = (rows + (TileRows * TTile.Groups) - 1) / (TileRows * TTile.Groups);
        int across = (columns + TTile.Columns - 1) / TTile.Columns;
        int slices = (innerSize + Depth - 1) / Depth;
        if (Warp.WarpIdx < 4)
        {
            WarpGroup.DecreaseRegisters(CopyingRegisters);
            if (Warp.WarpIdx == 0)
            {
                Copy<T, TTile>(input, weight, inputSlices, weightSlices, full, free, down, across, slices);
            }
        }
        else
        {
            WarpGroup.IncreaseRegisters(MultiplyingRegisters);
            Multiply<T, TTile>(inputSlices, weightSlices, full, free, output, rows, columns, down, across, slices);
        }

        // nobody leaves while others may still bring slices here, or say here what they have freed
        if (TTile.Groups > 1)
        {
            Cluster.Barrier();
        }
    }

    private static void Synchronize<TTile>()
        where TTile : struct, IWarpGroupTile
    {
        if (TTile.Groups > 1)
        {
            Cluster.Barrier();
        }
        else
        {
            Group.Barrier();
        }
    }

    /// <summary>One warp brings slice after slice of tile after tile, as stages become free; one lane of it begins the copies.</summary>
    private static void Copy<T, TTile>(
        TensorMap<T> input,
        TensorMap<T> weight,
        ArrayView<T> inputSlices,
        ArrayView<T> weightSlices,
        ArrayView<ulong> full,
        ArrayView<ulong> free,
        int down,
        int across,
        int slices)
        where T : unmanaged
        where TTile : struct, IWarpGroupTile
    {
        int stage = 0;
        int phase = 0;
        for (int tile = Grid.IdxX / TTile.Groups; tile < down * across; tile += Grid.DimX / TTile.Groups)
        {
            int firstRow = FirstRow<TTile>(tile, down, across);
            int firstColumn = ColumnOf(tile, down, across) * TTile.Columns;
            for (int slice = 0; slice < slices; slice++)
            {
                // a stage that nobody has used is free: a barrier begins as if the phase before were complete
                AsyncBarrier.Wait(free, stage, phase ^ 1);
                if (Warp.LaneIdx == 0)
                {
                    AsyncBarrier.ArriveAndExpect(full, stage, (TileRows + TTile.Columns) * Depth * Interop.SizeOf<T>());
                    input.Load(inputSlices, stage * TileRows * Depth, firstRow, slice * Depth, full, stage);
                    Cluster.Load(
                        weight, weightSlices, stage * TTile.Columns * Depth, TTile.Columns / TTile.Groups, firstColumn, slice * Depth, full, stage, TTile.Groups);
                }

                stage++;
                if (stage == TTile.Stages)
                {
                    stage = 0;
                    phase ^= 1;
                }
            }
        }
    }

    /// <summary>Two warp groups multiply, each 64 rows of the tile; the products of a slice still run when the next one begins.</summary>
    private static void Multiply<T, TTile>(
        ArrayView<T> inputSlices,
        ArrayView<T> weightSlices,
        ArrayView<ulong> full,
        ArrayView<ulong> free,
        ArrayView<float> output,
        int rows,
        int columns,
        int down,
        int across,
        int slices)
        where T : unmanaged
        where TTile : struct, IWarpGroupTile
    {
        ArrayView<float> sums = LocalMemory.Allocate<float>(TTile.Columns >> 1);
        int half = ((Warp.WarpIdx >> 2) - 1) * WarpGroupRows;
        int stage = 0;
        int before = 0;
        int phase = 0;
        for (int tile = Grid.IdxX / TTile.Groups; tile < down * across; tile += Grid.DimX / TTile.Groups)
        {
            for (int slice = 0; slice < slices; slice++)
            {
                AsyncBarrier.Wait(full, stage, phase);
                WarpGroup.Fence();
                for (int k = 0; k < Depth; k += StepDepth)
                {
                    WarpGroup.MultiplyAdd(
                        sums,
                        TTile.Columns,
                        inputSlices,
                        (((stage * TileRows) + half) * Depth) + k,
                        weightSlices,
                        (stage * TTile.Columns * Depth) + k,
                        slice > 0 || k > 0);
                }

                WarpGroup.Commit();
                WarpGroup.Wait(1);
                if (slice > 0 && Warp.LaneIdx == 0)
                {
                    Cluster.Arrive(free, before, TTile.Groups);
                }

                before = stage;
                stage++;
                if (stage == TTile.Stages)
                {
                    stage = 0;
                    phase ^= 1;
                }
            }

            WarpGroup.Wait(0);
            if (Warp.LaneIdx == 0)
            {
                Cluster.Arrive(free, before, TTile.Groups);
            }

            int row = FirstRow<TTile>(tile, down, across) + half + ((Warp.WarpIdx & 3) << 4) + (Warp.LaneIdx >> 2);
            int column = (ColumnOf(tile, down, across) * TTile.Columns) + ((Warp.LaneIdx & 3) << 1);
            for (int j = 0; j < TTile.Columns >> 3; j++)
            {
                StorePair(output, row, rows, column + (j << 3), columns, sums[4 * j], sums[(4 * j) + 1]);
                StorePair(output, row + 8, rows, column + (j << 3), columns, sums[(4 * j) + 2], sums[(4 * j) + 3]);
            }
        }
    }

    // the groups of a cluster have tiles one below the other, which count as one
    private static int FirstRow<TTile>(int tile, int down, int across)
        where TTile : struct, IWarpGroupTile =>
        ((RowOf(tile, down, across) * TTile.Groups) + (Grid.IdxX & (TTile.Groups - 1))) * TileRows;

    // tiles are counted through bands of rows: down a column of the band, then the next column
    private static int RowOf(int tile, int down, int across)
    {
        int band = tile / (BandRows * across);
        int height = IntrinsicMath.Min(BandRows, down - (band * BandRows));
        return (band * BandRows) + ((tile - (band * BandRows * across)) % height);
    }

    private static int ColumnOf(int tile, int down, int across)
    {
        int band = tile / (BandRows * across);
        int height = IntrinsicMath.Min(BandRows, down - (band * BandRows));
        return (tile - (band * BandRows * across)) / height;
    }

    private static void StorePair(ArrayView<float> output, int row, int rows, int column, int columns, float left, float right)
    {
        long at = ((long)row * columns) + column;
        if (row < rows && column + 1 < columns)
        {
            output[at] = left;
            output[at + 1] = right;
        }
        else if (row < rows && column < columns)
        {
            output[at] = left;
        }
    }
}
