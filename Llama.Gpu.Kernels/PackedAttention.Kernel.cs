namespace Llama.Gpu.Kernels;

/// <content>What runs on the device.</content>
internal sealed partial class PackedAttention
{
    // blocks of columns that a tile of keys has
    private const int BlockShift = 3;

    // depths or keys that are written out in a turn of an inner loop: more would be more code than the host's compiler makes good code of
    private const int Unroll = 4;

    internal static void Kernel<T, TElement, TTile>(
        ArrayView<float> queries,
        ArrayView<T> keys,
        ArrayView<T> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> output,
        AttentionShape shape,
        float scale)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IPackedTile
    {
        // rotated[d, row], sums[d, row], weights[key, row], and keys, then values, as tile[key, d]
        ArrayView<float> rotated = SharedMemory.Allocate<float>(Stride<TTile>() * BlockRows<TTile>());
        ArrayView<float> sums = SharedMemory.Allocate<float>(Stride<TTile>() * BlockRows<TTile>());
        ArrayView<float> weights = SharedMemory.Allocate<float>(TileKeys<TTile>() * BlockRows<TTile>());
        ArrayView<float> tile = SharedMemory.Allocate<float>(TileKeys<TTile>() * Stride<TTile>());
        ArrayView<float> maxima = SharedMemory.Allocate<float>(BlockRows<TTile>());
        ArrayView<float> totals = SharedMemory.Allocate<float>(BlockRows<TTile>());
        ArrayView<float> rescales = SharedMemory.Allocate<float>(BlockRows<TTile>());
        ArrayView<float> block = LocalMemory.Allocate<float>(TTile.RowVectors * TTile.BlockColumns);

        int lane = Group.IdxX;
        int blockRows = BlockRows<TTile>();
        int tileKeys = TileKeys<TTile>();
        int headDim = shape.HeadDim;
        int paddedDim = WholeBlocks<TTile>(headDim);
        int firstRow = (Grid.DimX - 1 - Grid.IdxX) * blockRows;
        int lastRow = IntrinsicMath.Min(firstRow + blockRows, shape.TokenCount * shape.HeadsPerGroup) - 1;

        // vectors are counted from where the group begins, so that the compiler does not write out their loops
        for (int row = firstRow; row < firstRow + blockRows; row += 1 << TTile.LaneShift)
        {
            maxima[row - firstRow + lane] = float.NegativeInfinity;
            totals[row - firstRow + lane] = 0f;
            Rotate<TTile>(queries, cosines, sines, tile, rotated.SubView(row - firstRow + lane), shape, row, lastRow, scale);
        }

        for (int i = lane; i < paddedDim * blockRows; i += 1 << TTile.LaneShift)
        {
            sums[i] = 0f;
        }

        int width = shape.KeyValueWidth;
        long headOffset = (long)Grid.IdxY * headDim;
        int visible = shape.FirstPosition + (lastRow / shape.HeadsPerGroup) + 1;
        for (int first = 0; first < visible; first += tileKeys)
        {
            int count = IntrinsicMath.Min(tileKeys, visible - first);
            Stage<T, TElement, TTile>(keys, tile, ((long)first * width) + headOffset, width, count, headDim);
            Group.Barrier();
            for (int c = 0; c < count; c += TTile.BlockColumns)
            {
                Score<TTile>(rotated.SubView(lane), tile.SubView(c * Stride<TTile>()), weights.SubView((c * blockRows) + lane), block, headDim);
            }

            for (int row = firstRow; row < firstRow + blockRows; row += 1 << TTile.LaneShift)
            {
                int own = row - firstRow + lane;
                int seen = shape.FirstPosition + (IntrinsicMath.Min(row + lane, lastRow) / shape.HeadsPerGroup) + 1 - first;
                float before = maxima[own];
                float max = Weigh<TTile>(weights.SubView(own), before, seen, count, out float total);
                rescales[own] = XMath.Exp(before - max);
                totals[own] = (totals[own] * rescales[own]) + total;
                maxima[own] = max;
            }

            Group.Barrier();
            Stage<T, TElement, TTile>(values, tile, ((long)first * width) + headOffset, width, count, headDim);
            Group.Barrier();
            for (int d = 0; d < paddedDim; d += TTile.BlockColumns)
            {
                AddValues<TTile>(weights.SubView(lane), tile.SubView(d), sums.SubView((d * blockRows) + lane), rescales.SubView(lane), block, count);
            }

            Group.Barrier();
        }

        for (int row = firstRow; row < firstRow + blockRows; row += 1 << TTile.LaneShift)
        {
            float share = XMath.Rcp(totals[row - firstRow + lane]);
            ArrayView<float> own = sums.SubView(row - firstRow + lane);
            for (int d = 0; d < headDim; d++)
            {
                own[d * blockRows] *= share;
            }
        }

        Group.Barrier();
        Store<TTile>(sums, output, shape, firstRow, lastRow);
    }

    private static int BlockRows<TTile>()
        where TTile : struct, IPackedTile => TTile.RowVectors << TTile.LaneShift;

    private static int TileKeys<TTile>()
        where TTile : struct, IPackedTile => TTile.BlockColumns << BlockShift;

    private static int WholeBlocks<TTile>(int elements)
        where TTile : struct, IPackedTile => (elements + TTile.BlockColumns - 1) / TTile.BlockColumns * TTile.BlockColumns;

    // from one key of a tile to the next
    private static int Stride<TTile>()
        where TTile : struct, IPackedTile => WholeBlocks<TTile>(1 << TTile.HeadShift);

    // where a row's elements begin; past the last row that row again
    private static long Begin(AttentionShape shape, int row, int lastRow) =>
        (long)Attention.QueryIndex(shape, IntrinsicMath.Min(row, lastRow)) * shape.HeadDim;

    /// <summary>Rotates and scales a vector of queries, row by row, and turns them round.</summary>
    private static void Rotate<TTile>(
        ArrayView<float> queries,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> rows,
        ArrayView<float> rotated,
        AttentionShape shape,
        int firstRow,
        int lastRow,
        float scale)
        where TTile : struct, IPackedTile
    {
        int lane = Group.IdxX;
        int half = shape.HeadDim >> 1;

        // rows a vector longer than a head: a power of two apart, they would share a set of the first-level cache
        int stride = (1 << TTile.HeadShift) + (1 << TTile.LaneShift);
        for (int r = 0; r < 1 << TTile.LaneShift; r++)
        {
            int row = firstRow + r;
            ArrayView<float> query = queries.SubView(Begin(shape, row, lastRow));
            long angles = (long)(shape.FirstPosition + (IntrinsicMath.Min(row, lastRow) / shape.HeadsPerGroup)) * half;
            for (int i = lane; i < half; i += 1 << TTile.LaneShift)
            {
                float a = query[i] * scale;
                float b = query[i + half] * scale;
                float cosine = cosines[angles + i];
                float sine = sines[angles + i];
                rows[(r * stride) + i] = (a * cosine) - (b * sine);
                rows[(r * stride) + half + i] = (b * cosine) + (a * sine);
            }
        }

        Group.Barrier();
        PackedInput.Turn(rows.SubView(lane * stride), rotated, BlockRows<TTile>(), shape.HeadDim);
        Group.Barrier();
    }

    /// <summary>Widens keys or values of a tile; up to a whole block of keys the last one again, up to one of elements zeros.</summary>
    private static void Stage<T, TElement, TTile>(ArrayView<T> source, ArrayView<float> tile, long begin, int width, int count, int headDim)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IPackedTile
    {
        int padded = WholeBlocks<TTile>(headDim);
        int staged = WholeBlocks<TTile>(count);
        for (int c = 0; c < staged; c++)
        {
            int to = c * Stride<TTile>();
            PackedMatMul.Widen<T, TElement>(source, begin + ((long)IntrinsicMath.Min(c, count - 1) * width), tile, to, headDim);
            for (int d = headDim + Group.IdxX; d < padded; d += 1 << TTile.LaneShift)
            {
                tile[to + d] = 0f;
            }
        }
    }

    /// <summary>The scores of a block of keys.</summary>
    private static void Score<TTile>(ArrayView<float> rotated, ArrayView<float> tile, ArrayView<float> scores, ArrayView<float> block, int headDim)
        where TTile : struct, IPackedTile
    {
        for (int i = 0; i < TTile.BlockColumns * TTile.RowVectors; i++)
        {
            block[i] = 0f;
        }

        long d = 0;
        for (; d + Unroll <= headDim; d += Unroll)
        {
            for (int e = 0; e < Unroll; e++)
            {
                PackedMatMul.MultiplyAt<TTile>(rotated, tile, 1, Stride<TTile>(), block, d + e);
            }
        }

        for (; d < headDim; d++)
        {
            PackedMatMul.MultiplyAt<TTile>(rotated, tile, 1, Stride<TTile>(), block, d);
        }

        for (int c = 0; c < TTile.BlockColumns; c++)
        {
            for (int v = 0; v < TTile.RowVectors; v++)
            {
                scores[((c * TTile.RowVectors) + v) << TTile.LaneShift] = block[(c * TTile.RowVectors) + v];
            }
        }
    }

    /// <summary>
    /// Turns the scores of a lane's query into weights relative to the largest so far, 0 for keys that it does not see. Returns that
    /// largest score: a number from the first tile on, since every query sees the first key.
    /// </summary>
    private static float Weigh<TTile>(ArrayView<float> weights, float max, int seen, int count, out float total)
        where TTile : struct, IPackedTile
    {
        int blockRows = BlockRows<TTile>();
        for (int c = 0; c < count; c++)
        {
            max = XMath.Max(max, c < seen ? weights[c * blockRows] : float.NegativeInfinity);
        }

        total = 0f;
        for (int c = 0; c < count; c++)
        {
            float weight = c < seen ? XMath.Exp(weights[c * blockRows] - max) : 0f;
            weights[c * blockRows] = weight;
            total += weight;
        }

        return max;
    }

    /// <summary>Adds the weighted values of a tile, a block of their elements, to the sums so far.</summary>
    private static void AddValues<TTile>(
        ArrayView<float> weights, ArrayView<float> tile, ArrayView<float> sums, ArrayView<float> rescales, ArrayView<float> block, int count)
        where TTile : struct, IPackedTile
    {
        for (int e = 0; e < TTile.BlockColumns; e++)
        {
            for (int v = 0; v < TTile.RowVectors; v++)
            {
                int sum = (e * TTile.RowVectors) + v;
                block[sum] = sums[sum << TTile.LaneShift] * rescales[v << TTile.LaneShift];
            }
        }

        long c = 0;
        for (; c + Unroll <= count; c += Unroll)
        {
            for (int e = 0; e < Unroll; e++)
            {
                PackedMatMul.MultiplyAt<TTile>(weights, tile, Stride<TTile>(), 1, block, c + e);
            }
        }

        for (; c < count; c++)
        {
            PackedMatMul.MultiplyAt<TTile>(weights, tile, Stride<TTile>(), 1, block, c);
        }

        for (int i = 0; i < TTile.BlockColumns * TTile.RowVectors; i++)
        {
            sums[i << TTile.LaneShift] = block[i];
        }
    }

    /// <summary>Stores the results. Here a lane is an element: it takes four rows at a time, and what is left over one by one.</summary>
    private static void Store<TTile>(ArrayView<float> sums, ArrayView<float> output, AttentionShape shape, int firstRow, int lastRow)
        where TTile : struct, IPackedTile
    {
        int blockRows = BlockRows<TTile>();
        int headDim = shape.HeadDim;
        int rowCount = lastRow - firstRow + 1;
        int wholeRows = rowCount & ~3;
        int wholeColumns = headDim >> TTile.LaneShift << TTile.LaneShift;
        for (int r = 0; r < wholeRows; r += 4)
        {
            long row0 = Begin(shape, firstRow + r, lastRow);
            long row1 = Begin(shape, firstRow + r + 1, lastRow);
            long row2 = Begin(shape, firstRow + r + 2, lastRow);
            long row3 = Begin(shape, firstRow + r + 3, lastRow);
            for (int d = Group.IdxX; d < wholeColumns; d += 1 << TTile.LaneShift)
            {
                int from = (d * blockRows) + r;
                float value0 = sums[from];
                float value1 = sums[from + 1];
                float value2 = sums[from + 2];
                float value3 = sums[from + 3];
                output[row0 + d] = value0;
                output[row1 + d] = value1;
                output[row2 + d] = value2;
                output[row3 + d] = value3;
            }
        }

        for (int r = 0; r < rowCount; r++)
        {
            long to = Begin(shape, firstRow + r, lastRow);
            for (int d = (r < wholeRows ? wholeColumns : 0) + Group.IdxX; d < headDim; d += 1 << TTile.LaneShift)
            {
                output[to + d] = sums[(d * blockRows) + r];
            }
        }
    }
}
