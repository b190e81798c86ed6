namespace Llama.Gpu.Kernels;

/// <summary>
/// Matrix product with a weight on the vectors of a processor: <c>output[t, n] = sum_k input[t, k] * weight[n, k]</c>, the shapes of
/// <see cref="MatMul"/>. A lane is a token, so that a weight is one number for all lanes of a vector: weights are widened in the order in
/// which they lie in memory, and only the input is turned round, once a launch (<see cref="PackedInput"/>).
/// </summary>
/// <remarks>
/// As in the product of Goto and van de Geijn ("Anatomy of High-Performance Matrix Multiplication", 2008), operands are cut so that each
/// cache holds what it is asked for most. A group works on a panel of tokens and some columns. Of a slice along K it has a few rows of the
/// weight at a time in shared memory, and its sums between two slices. A block of tokens, which the first-level cache holds, meets all
/// these rows of the weight, a block of columns at once, whose sums are registers meanwhile. Meanwhile the rows that come next are on their
/// way to the second-level cache. Each sum adds its products in the order of k, whatever the cut.
/// </remarks>
internal static class PackedMatMul
{
    // bytes that memory moves at a time
    private const int LineBytes = 64;

    /// <summary>Loads the kernels for a tile.</summary>
    public static MatMul.Launch Load<T, TElement, TTile>(Accelerator accelerator, LaunchShapes shapes)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IPackedTile
    {
        var pack = PackedInput.Load<TTile>(accelerator);
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, int, int, int, int>(Kernel<T, TElement, TTile>);
        return (stream, input, weight, output, columns) =>
        {
            ArrayView<float> packed = pack(stream, input);
            int groupColumns = shapes.PackedColumns(columns, TTile.MaxColumns, 1 << TTile.LaneShift);
            int across = IntrinsicMath.DivRoundUp(columns, groupColumns);
            int down = IntrinsicMath.DivRoundUp(input.TokenCount, TTile.PanelRows);
            var config = new KernelConfig(
                new Index3D(across, down, 1),
                new Index3D(1 << TTile.LaneShift, 1, 1),
                SharedMemoryConfig.RequestDynamic<float>(WholeBlocks<TTile>(groupColumns) * TTile.PanelRows));
            kernel(stream, config, packed, weight.As<T>(), output, input.TokenCount, columns, input.InputSize, groupColumns);
        };
    }

    /// <summary>Bytes of shared memory that a group has at most.</summary>
    public static int SharedBytes<TTile>()
        where TTile : struct, IPackedTile =>
        sizeof(float) * ((TTile.BlockColumns * TTile.StagedBlocks << TTile.DepthShift) + (WholeBlocks<TTile>(TTile.MaxColumns) * TTile.PanelRows));

    /// <summary>
    /// Brings neighbouring elements into shared memory as f32. A lane takes one, its neighbour the next.
    /// </summary>
    internal static void Widen<T, TElement>(ArrayView<T> source, long from, ArrayView<float> target, int to, int count)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        int lanes = Group.DimX;
        int d = 0;
        for (; d + (4 * lanes) <= count; d += 4 * lanes)
        {
            for (int e = 0; e < 4; e++)
            {
                int at = d + (e * lanes) + Group.IdxX;
                target[to + at] = TElement.ToFloat(source[from + at]);
            }
        }

        for (int at = d + Group.IdxX; at < count; at += lanes)
        {
            target[to + at] = TElement.ToFloat(source[from + at]);
        }
    }

    internal static void Kernel<T, TElement, TTile>(
        ArrayView<float> packed, ArrayView<T> weight, ArrayView<float> output, int rows, int columns, int innerSize, int groupColumns)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IPackedTile
    {
        int depth = 1 << TTile.DepthShift;
        int blockRows = TTile.RowVectors << TTile.LaneShift;
        int stagedColumns = TTile.BlockColumns * TTile.StagedBlocks;
        ArrayView<float> weights = SharedMemory.Allocate<float>((TTile.BlockColumns * TTile.StagedBlocks) << TTile.DepthShift);
        ArrayView<float> sums = SharedMemory.GetDynamic<float>();
        ArrayView<float> block = LocalMemory.Allocate<float>(TTile.RowVectors * TTile.BlockColumns);

        int firstRow = Grid.IdxY * TTile.PanelRows;
        int firstColumn = Grid.IdxX * groupColumns;
        int rowCount = IntrinsicMath.Min(TTile.PanelRows, rows - firstRow);
        int columnCount = IntrinsicMath.Min(groupColumns, columns - firstColumn);
        int paddedCount = WholeBlocks<TTile>(columnCount);
        int blocks = IntrinsicMath.DivRoundUp(rowCount, blockRows);
        for (int i = 0; i < paddedCount * TTile.PanelRows; i += 1 << TTile.LaneShift)
        {
            sums[i + Group.IdxX] = 0f;
        }

        for (int k = 0; k < innerSize; k += depth)
        {
            int count = IntrinsicMath.Min(depth, innerSize - k);
            for (int staged = 0; staged < paddedCount; staged += stagedColumns)
            {
                int stagedCount = IntrinsicMath.Min(stagedColumns, paddedCount - staged);
                for (int c = 0; c < stagedCount; c++)
                {
                    Widen<T, TElement>(weight, RowAt(firstColumn + staged + c, columns, innerSize) + k, weights, c << TTile.DepthShift, count);
                }

                Group.Barrier();
                bool isLast = staged + stagedColumns >= paddedCount;
                int nextColumn = firstColumn + (isLast ? 0 : staged + stagedColumns);
                int nextDepth = isLast ? k + depth : k;
                int nextCount = IntrinsicMath.Min(depth, innerSize - nextDepth);
                for (int b = 0; b < blocks; b++)
                {
                    ArrayView<float> x = packed.SubView(((long)(firstRow + (b * blockRows)) * innerSize) + ((long)k * blockRows) + Group.IdxX);
                    for (int c = 0; c < stagedCount; c += TTile.BlockColumns)
                    {
                        for (int next = c + b; next < c + TTile.BlockColumns; next += blocks)
                        {
                            Prefetch(weight, RowAt(nextColumn + next, columns, innerSize) + nextDepth, nextCount);
                        }

                        ArrayView<float> total = sums.SubView(((staged + c) * TTile.PanelRows) + (b * blockRows) + Group.IdxX);
                        Multiply<TTile>(x, weights.SubView(c << TTile.DepthShift), total, block, count);
                    }
                }

                Group.Barrier();
            }
        }

        Store<TTile>(sums, output, firstRow, rowCount, firstColumn, columnCount, columns);
    }

    private static void Prefetch<T>(ArrayView<T> weight, long from, int count)
        where T : unmanaged
    {
        for (int d = 0; d < count; d += LineBytes / Interop.SizeOf<T>())
        {
            StreamedMemory.Prefetch(weight, from + d);
        }
    }

    // past the last row of the weight stands that row again
    private static long RowAt(int column, int columns, int innerSize) => (long)IntrinsicMath.Min(column, columns - 1) * innerSize;

    private static int WholeBlocks<TTile>(int columns)
        where TTile : struct, IPackedTile => IntrinsicMath.DivRoundUp(columns, TTile.BlockColumns) * TTile.BlockColumns;

    /// <summary>
    /// Adds the products of a block of tokens and a block of columns, over a slice, to their sums.
    /// </summary>
    private static void Multiply<TTile>(ArrayView<float> x, ArrayView<float> w, ArrayView<float> total, ArrayView<float> block, int count)
        where TTile : struct, IPackedTile
    {
        for (int c = 0; c < TTile.BlockColumns; c++)
        {
            for (int v = 0; v < TTile.RowVectors; v++)
            {
                block[(c * TTile.RowVectors) + v] = total[(c * TTile.PanelRows) + (v << TTile.LaneShift)];
            }
        }

        long d = 0;
        for (; d + TTile.Unroll <= count; d += TTile.Unroll)
        {
            for (int e = 0; e < TTile.Unroll; e++)
            {
                MultiplyAt<TTile>(x, w, 1, 1 << TTile.DepthShift, block, d + e);
            }
        }

        for (; d < count; d++)
        {
            MultiplyAt<TTile>(x, w, 1, 1 << TTile.DepthShift, block, d);
        }

        for (int c = 0; c < TTile.BlockColumns; c++)
        {
            for (int v = 0; v < TTile.RowVectors; v++)
            {
                total[(c * TTile.PanelRows) + (v << TTile.LaneShift)] = block[(c * TTile.RowVectors) + v];
            }
        }
    }

    /// <summary>Adds the products at one depth of a block of rows, one a lane, and a block of columns, the same for all lanes.</summary>
    /// <param name="x">(depth, row).</param>
    /// <param name="w">The columns' elements.</param>
    /// <param name="depthStride">From one depth of them to the next, a constant.</param>
    /// <param name="columnStride">From one column to the next, a constant.</param>
    /// <param name="block">The sums.</param>
    /// <param name="d">The depth.</param>
    internal static void MultiplyAt<TTile>(ArrayView<float> x, ArrayView<float> w, int depthStride, int columnStride, ArrayView<float> block, long d)
        where TTile : struct, IPackedTile
    {
        for (int c = 0; c < TTile.BlockColumns; c++)
        {
            float factor = w[(d * depthStride) + (c * columnStride)];
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
                    to[((long)e * columns) + column] = sums[(column * TTile.PanelRows) + t + e];
                }
            }
        }

        for (int t = 0; t < rowCount; t++)
        {
            int first = t < wholeRows ? wholeColumns : 0;
            for (int c = first + Group.IdxX; c < columnCount; c += 1 << TTile.LaneShift)
            {
                output[((long)(firstRow + t) * columns) + firstColumn + c] = sums[(c * TTile.PanelRows) + t];
            }
        }
    }
}
