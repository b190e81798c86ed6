namespace Llama.Gpu.Kernels;

/// <summary>
/// Matrix product with a weight on the vectors of a processor: <c>output[t, n] = sum_k input[t, k] * weight[n, k]</c>, the shapes of
/// <see cref="MatMul"/>. A lane is a token, so that a weight is one number for all lanes of a vector: weights are widened in the order in
/// which they lie in memory, and only the input is turned round, once for all columns of a group.
/// </summary>
/// <remarks>
/// As in the product of Goto and van de Geijn ("Anatomy of High-Performance Matrix Multiplication", 2008), operands are cut so that each
/// cache holds what it is asked for most. A group works on <see cref="PanelRows"/> tokens. Of a slice of <see cref="Depth"/> along K
/// it has the tokens' inputs in shared memory, a few rows of the weight at a time, and sums of all its columns between two slices.
/// A block of tokens, which the first-level cache holds, meets all these rows of the weight, a few rows at once, whose sums are
/// registers meanwhile. Each sum adds its products in the order of k, whatever the cut. Panels and sums take up to 304 KiB of shared
/// memory (352 at 512 bits): what a core's second-level cache holds, and more than any other accelerator than simd has for a group.
/// </remarks>
internal static class PackedMatMul
{
    /// <summary>Tokens of a group; a multiple of every tile's block.</summary>
    public const int PanelRows = 128;

    /// <summary>Most columns of a group.</summary>
    public const int MaxColumns = 256;

    private const int DepthShift = 8;
    private const int Depth = 1 << DepthShift;

    // columns whose weights are in shared memory at a time, as blocks of a tile
    private const int StagedBlocks = 8;

    /// <summary>Loads the kernel for a tile.</summary>
    public static MatMul.Launch Load<T, TElement, TTile>(Accelerator accelerator, LaunchShapes shapes)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IPackedTile
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, int, int, int, int>(Kernel<T, TElement, TTile>);
        return (stream, input, weight, output, rows, columns, innerSize) =>
        {
            int groupColumns = shapes.PackedColumns(columns, 1 << TTile.LaneShift);
            int across = IntrinsicMath.DivRoundUp(columns, groupColumns);
            int down = IntrinsicMath.DivRoundUp(rows, PanelRows);
            var config = new KernelConfig(
                new Index3D(across, down, 1),
                new Index3D(1 << TTile.LaneShift, 1, 1),
                SharedMemoryConfig.RequestDynamic<float>(WholeBlocks<TTile>(groupColumns) * PanelRows));
            kernel(stream, config, input, weight.As<T>(), output, rows, columns, innerSize, groupColumns);
        };
    }

    private static int WholeBlocks<TTile>(int columns)
        where TTile : struct, IPackedTile => IntrinsicMath.DivRoundUp(columns, TTile.BlockColumns) * TTile.BlockColumns;

    internal static void Kernel<T, TElement, TTile>(
        ArrayView<float> input, ArrayView<T> weight, ArrayView<float> output, int rows, int columns, int innerSize, int groupColumns)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IPackedTile
    {
        int blockRows = TTile.RowVectors << TTile.LaneShift;
        int stagedColumns = TTile.BlockColumns * StagedBlocks;
        ArrayView<float> inputPanel = SharedMemory.Allocate<float>(PanelRows << DepthShift);
        ArrayView<float> weightPanel = SharedMemory.Allocate<float>((TTile.BlockColumns * StagedBlocks) << DepthShift);
        ArrayView<float> sums = SharedMemory.GetDynamic<float>();
        ArrayView<float> block = LocalMemory.Allocate<float>(TTile.RowVectors * TTile.BlockColumns);

        int firstRow = Grid.IdxY * PanelRows;
        int firstColumn = Grid.IdxX * groupColumns;
        int rowCount = IntrinsicMath.Min(PanelRows, rows - firstRow);
        int columnCount = IntrinsicMath.Min(groupColumns, columns - firstColumn);
        int paddedCount = WholeBlocks<TTile>(columnCount);
        int blocks = IntrinsicMath.DivRoundUp(rowCount, blockRows);
        for (int i = 0; i < paddedCount * PanelRows; i += 1 << TTile.LaneShift)
        {
            sums[i + Group.IdxX] = 0f;
        }

        for (int k = 0; k < innerSize; k += Depth)
        {
            int count = IntrinsicMath.Min(Depth, innerSize - k);
            for (int b = 0; b < blocks; b++)
            {
                StageInput<TTile>(input, inputPanel, firstRow, rows, b, k, count, innerSize);
            }

            for (int staged = 0; staged < paddedCount; staged += stagedColumns)
            {
                int stagedCount = IntrinsicMath.Min(stagedColumns, paddedCount - staged);
                StageWeight<T, TElement>(weight, weightPanel, firstColumn + staged, stagedCount, columns, k, count, innerSize);
                Group.Barrier();
                for (int b = 0; b < blocks; b++)
                {
                    for (int c = 0; c < stagedCount; c += TTile.BlockColumns)
                    {
                        Multiply<TTile>(inputPanel, weightPanel, sums, block, b, staged, c, count);
                    }
                }

                Group.Barrier();
            }
        }

        Store<TTile>(sums, output, firstRow, rowCount, firstColumn, columnCount, columns);
    }

    /// <summary>
    /// Brings a slice of a block of tokens into shared memory as panel[block, depth, token]. A lane takes four neighbouring elements
    /// of a token, its neighbour the next token. Past the last token stands that token again.
    /// </summary>
    private static void StageInput<TTile>(
        ArrayView<float> input, ArrayView<float> panel, int firstRow, int rows, int block, int firstDepth, int count, int innerSize)
        where TTile : struct, IPackedTile
    {
        int blockRows = TTile.RowVectors << TTile.LaneShift;
        for (int v = 0; v < TTile.RowVectors; v++)
        {
            int token = (block * blockRows) + (v << TTile.LaneShift) + Group.IdxX;
            long from = ((long)IntrinsicMath.Min(firstRow + token, rows - 1) * innerSize) + firstDepth;
            int to = ((block * blockRows) << DepthShift) + (v << TTile.LaneShift) + Group.IdxX;
            int d = 0;
            for (; d + 4 <= count; d += 4)
            {
                for (int e = 0; e < 4; e++)
                {
                    panel[to + ((d + e) * blockRows)] = input[from + d + e];
                }
            }

            for (; d < count; d++)
            {
                panel[to + (d * blockRows)] = input[from + d];
            }
        }
    }

    /// <summary>
    /// Brings a slice of some rows of the weight into shared memory as panel[row, depth]. Past the last row stands that row again.
    /// </summary>
    private static void StageWeight<T, TElement>(
        ArrayView<T> weight, ArrayView<float> panel, int firstColumn, int columnCount, int columns, int firstDepth, int count, int innerSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        int lanes = Group.DimX;
        for (int c = 0; c < columnCount; c++)
        {
            long from = ((long)IntrinsicMath.Min(firstColumn + c, columns - 1) * innerSize) + firstDepth;
            int d = 0;
            for (; d + (4 * lanes) <= count; d += 4 * lanes)
            {
                for (int e = 0; e < 4; e++)
                {
                    int at = d + (e * lanes) + Group.IdxX;
                    panel[(c << DepthShift) + at] = TElement.ToFloat(weight[from + at]);
                }
            }

            for (int at = d + Group.IdxX; at < count; at += lanes)
            {
                panel[(c << DepthShift) + at] = TElement.ToFloat(weight[from + at]);
            }
        }
    }

    /// <summary>
    /// Adds the products of a block of tokens and a block of columns, over a slice, to their sums.
    /// </summary>
    private static void Multiply<TTile>(
        ArrayView<float> inputPanel,
        ArrayView<float> weightPanel,
        ArrayView<float> sums,
        ArrayView<float> block,
        int rowBlock,
        int staged,
        int firstColumn,
        int count)
        where TTile : struct, IPackedTile
    {
        int blockRows = TTile.RowVectors << TTile.LaneShift;
        ArrayView<float> x = inputPanel.SubView(((rowBlock * blockRows) << DepthShift) + Group.IdxX);
        ArrayView<float> w = weightPanel.SubView(firstColumn << DepthShift);
        ArrayView<float> total = sums.SubView(((staged + firstColumn) * PanelRows) + (rowBlock * blockRows) + Group.IdxX);
        for (int c = 0; c < TTile.BlockColumns; c++)
        {
            for (int v = 0; v < TTile.RowVectors; v++)
            {
                block[(c * TTile.RowVectors) + v] = total[(c * PanelRows) + (v << TTile.LaneShift)];
            }
        }

        long d = 0;
        for (; d + TTile.Unroll <= count; d += TTile.Unroll)
        {
            for (int e = 0; e < TTile.Unroll; e++)
            {
                MultiplyAt<TTile>(x, w, block, d + e);
            }
        }

        for (; d < count; d++)
        {
            MultiplyAt<TTile>(x, w, block, d);
        }

        for (int c = 0; c < TTile.BlockColumns; c++)
        {
            for (int v = 0; v < TTile.RowVectors; v++)
            {
                total[(c * PanelRows) + (v << TTile.LaneShift)] = block[(c * TTile.RowVectors) + v];
            }
        }
    }

    private static void MultiplyAt<TTile>(ArrayView<float> x, ArrayView<float> w, ArrayView<float> block, long d)
        where TTile : struct, IPackedTile
    {
        for (int c = 0; c < TTile.BlockColumns; c++)
        {
            float factor = w[d + (c << DepthShift)];
            for (int v = 0; v < TTile.RowVectors; v++)
            {
                int sum = (c * TTile.RowVectors) + v;
                block[sum] = MultiplyAdd.Of(factor, x[(d * (TTile.RowVectors << TTile.LaneShift)) + (v << TTile.LaneShift)], block[sum]);
            }
        }
    }

    /// <summary>Stores the sums of a group. Here a lane is a column: it takes four tokens at a time, and what is left over one by one.</summary>
    private static void Store<TTile>(
        ArrayView<float> sums, ArrayView<float> output, int firstRow, int rowCount, int firstColumn, int columnCount, int columns)
        where TTile : struct, IPackedTile
    {
        int wholeRows = rowCount & ~3;
        int wholeColumns = columnCount >> TTile.LaneShift << TTile.LaneShift;
        for (int t = 0; t < wholeRows; t += 4)
        {
            ArrayView<float> to = output.SubView(((long)(firstRow + t) * columns) + firstColumn);
            for (int c = 0; c < wholeColumns; c += 1 << TTile.LaneShift)
            {
                int column = c + Group.IdxX;
                for (int e = 0; e < 4; e++)
                {
                    to[((long)e * columns) + column] = sums[(column * PanelRows) + t + e];
                }
            }
        }

        for (int t = 0; t < rowCount; t++)
        {
            int first = t < wholeRows ? wholeColumns : 0;
            for (int c = first + Group.IdxX; c < columnCount; c += 1 << TTile.LaneShift)
            {
                output[((long)(firstRow + t) * columns) + firstColumn + c] = sums[(c * PanelRows) + t];
            }
        }
    }
}
