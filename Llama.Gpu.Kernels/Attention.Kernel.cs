namespace Llama.Gpu.Kernels;

/// <content>What runs on the device.</content>
public sealed partial class Attention
{
    internal static void Kernel<T, TElement, TRow, TRows, TTile>(
        ArrayView<float> queries,
        ArrayView<T> keys,
        ArrayView<T> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> output,
        ArrayView<float> parts,
        AttentionShape shape,
        float scale,
        int keysPerPart)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
        where TTile : struct, IAttentionTile =>
        Attend<T, TElement, TRow, TRows, TTile>(
            queries,
            keys,
            values,
            cosines,
            sines,
            output,
            parts,
            SharedMemory.Allocate<float>(TRows.Count * TTile.SumsPerRow),
            shape,
            scale,
            keysPerPart,
            Grid.DimZ == 1);

    /// <summary>What a group does: its queries against its part of the keys, which is all of them where <paramref name="isWhole"/>.</summary>
    internal static void Attend<T, TElement, TRow, TRows, TTile>(
        ArrayView<float> queries,
        ArrayView<T> keys,
        ArrayView<T> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> output,
        ArrayView<float> parts,
        ArrayView<float> sums,
        AttentionShape shape,
        float scale,
        int keysPerPart,
        bool isWhole)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
        where TTile : struct, IAttentionTile
    {
        ArrayView<TRow> rotated = SharedMemory.Allocate<TRow>(MaxHeadDim);
        ArrayView<float> weights = SharedMemory.Allocate<float>(TRows.Count * KeysPerBlock);
        ArrayView<float> maxima = SharedMemory.Allocate<float>(TRows.Count);
        ArrayView<float> totals = SharedMemory.Allocate<float>(TRows.Count);
        ArrayView<float> rescales = SharedMemory.Allocate<float>(TRows.Count);
        ArrayView<TRow> own = LocalMemory.Allocate<TRow>(1 << TTile.ElementShift);
        ArrayView<float> before = LocalMemory.Allocate<float>(1 << TTile.ElementShift);
        int lane = Group.IdxX;
        int lanes = Group.DimX;
        int headDim = shape.HeadDim;
        int headsPerGroup = shape.HeadsPerGroup;
        int firstRow = Grid.IdxX * TRows.Count;
        int lastRow = IntrinsicMath.Min(firstRow + TRows.Count, shape.TokenCount * headsPerGroup) - 1;

        // Lanes over the elements of a value, then over slices of the keys; each slice has sums of its own.
        int columns = headDim >> TTile.ElementShift;
        int across = TTile.HasSlices ? IntrinsicMath.Min(columns, lanes) : lanes;
        int slices = TTile.HasSlices ? lanes / across : 1;
        int slice = TTile.HasSlices ? lane / across : 0;
        int firstColumn = lane - (slice * across);
        for (int i = lane; i < slices * TRows.Count * headDim; i += lanes)
        {
            sums[i] = 0f;
        }

        for (int row = lane; row < TRows.Count; row += lanes)
        {
            maxima[row] = float.NegativeInfinity;
            totals[row] = 0f;
        }

        Rotate<TRow, TRows>(queries, cosines, sines, rotated, shape, firstRow, lastRow, scale);
        Group.Barrier();

        int width = shape.KeyValueWidth;
        long headOffset = (long)Grid.IdxY * headDim;
        int visible = shape.FirstPosition + (lastRow / headsPerGroup) + 1;
        int firstKey = Grid.IdxZ * keysPerPart;
        int endKey = IntrinsicMath.Min(firstKey + keysPerPart, visible);
        for (int first = firstKey; first < endKey; first += KeysPerBlock)
        {
            int count = IntrinsicMath.Min(KeysPerBlock, endKey - first);
            long block = ((long)first * width) + headOffset;
            for (int i = lane; i < count; i += lanes)
            {
                TRow scores = Dot<T, TElement, TRow, TRows>(keys, block + ((long)i * width), rotated, headDim);
                for (int row = 0; row < TRows.Count; row++)
                {
                    weights[(row * KeysPerBlock) + i] = TRows.Get(scores, row);
                }
            }

            Group.Barrier();
            Weigh<TRow, TRows>(weights, maxima, totals, rescales, shape, firstRow, lastRow, first, count);
            Group.Barrier();

            if (slice < slices)
            {
                for (int column = firstColumn; column < columns; column += across)
                {
                    long element = block + (column << TTile.ElementShift);
                    SumValues<T, TElement, TRow, TRows, TTile>(values, element, width, weights, own, slice, slices, count);
                    int slicePlace = slice * TRows.Count * headDim;
                    for (int row = 0; row < TRows.Count; row++)
                    {
                        // loads before stores, so that neighbours go together
                        int place = slicePlace + (row * headDim);
                        for (int e = 0; e < 1 << TTile.ElementShift; e++)
                        {
                            before[e] = sums[place + SumPlace<TTile>(column, e, headDim)];
                        }

                        float rescale = rescales[row];
                        for (int e = 0; e < 1 << TTile.ElementShift; e++)
                        {
                            sums[place + SumPlace<TTile>(column, e, headDim)] = (before[e] * rescale) + TRows.Get(own[e], row);
                        }
                    }
                }
            }

            Group.Barrier();
        }

        for (int row = 0; row < TRows.Count; row++)
        {
            if (firstRow + row <= lastRow)
            {
                int query = QueryIndex(shape, firstRow + row);
                Finish<TTile>(output, parts, sums.SubView(row * headDim), maxima[row], totals[row], query, shape, slices, TRows.Count * headDim, isWhole);
            }
        }
    }

    /// <summary>
    /// Puts the parts that groups computed of a query together: each part's sums are relative to the largest score it saw. A group
    /// takes a query, a lane elements of it.
    /// </summary>
    internal static void CombineKernel(ArrayView<float> parts, ArrayView<float> output, int partCount, int rowCount, int headDim)
    {
        int row = Grid.IdxX;
        int stride = headDim + PartExtra;
        float max = float.NegativeInfinity;
        for (int part = 0; part < partCount; part++)
        {
            max = XMath.Max(max, parts[((((long)part * rowCount) + row) * stride) + headDim]);
        }

        int lanes = Group.DimX;
        for (int i = Group.IdxX; i < headDim; i += lanes)
        {
            float sum = 0f;
            float total = 0f;
            for (int part = 0; part < partCount; part++)
            {
                long begin = (((long)part * rowCount) + row) * stride;
                float weight = XMath.Exp(parts[begin + headDim] - max);
                total += weight * parts[begin + headDim + 1];
                sum += weight * parts[begin + i];
            }

            output[((long)row * headDim) + i] = sum * XMath.Rcp(total);
        }
    }

    /// <summary>Which query (t, h), counted over all heads, a row of this group's key-value head is.</summary>
    internal static int QueryIndex(AttentionShape shape, int row)
    {
        int token = row / shape.HeadsPerGroup;
        return (token * shape.HeadCount) + (Grid.IdxY * shape.HeadsPerGroup) + row - (token * shape.HeadsPerGroup);
    }

    /// <summary>Brings the group's queries into shared memory, turned and scaled; past the last row that row again.</summary>
    private static void Rotate<TRow, TRows>(
        ArrayView<float> queries,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<TRow> rotated,
        AttentionShape shape,
        int firstRow,
        int lastRow,
        float scale)
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
    {
        int half = shape.HeadDim >> 1;
        int lanes = Group.DimX;
        for (int i = Group.IdxX; i < half; i += lanes)
        {
            TRow low = default;
            TRow high = default;
            for (int row = 0; row < TRows.Count; row++)
            {
                int actual = IntrinsicMath.Min(firstRow + row, lastRow);
                long source = ((long)QueryIndex(shape, actual) * shape.HeadDim) + i;
                long angle = ((long)(shape.FirstPosition + (actual / shape.HeadsPerGroup)) * half) + i;
                float a = queries[source] * scale;
                float b = queries[source + half] * scale;
                low = TRows.With(low, row, (a * cosines[angle]) - (b * sines[angle]));
                high = TRows.With(high, row, (b * cosines[angle]) + (a * sines[angle]));
            }

            rotated[i] = low;
            rotated[i + half] = high;
        }
    }

    /// <summary>A key with each query. Eight neighbours at a time, so that their loads become one or two; headDim is even.</summary>
    private static TRow Dot<T, TElement, TRow, TRows>(ArrayView<T> keys, long begin, ArrayView<TRow> rotated, int headDim)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
    {
        TRow sum = default;
        int whole = headDim & ~(ElementsAtOnce - 1);
        for (int k = 0; k < whole; k += ElementsAtOnce)
        {
            long element = begin + k;
            for (int e = 0; e < ElementsAtOnce; e++)
            {
                sum = TRows.MultiplyAdd(sum, rotated[k + e], TElement.ToFloat(keys[element + e]));
            }
        }

        for (int k = whole; k < headDim; k++)
        {
            sum = TRows.MultiplyAdd(sum, rotated[k], TElement.ToFloat(keys[begin + k]));
        }

        return sum;
    }

    /// <summary>
    /// Turns a block's scores into weights relative to the largest score so far, 0 for keys that a query does not see. A warp takes
    /// a query; warps that have none come along, since shuffles are for all.
    /// </summary>
    private static void Weigh<TRow, TRows>(
        ArrayView<float> weights,
        ArrayView<float> maxima,
        ArrayView<float> totals,
        ArrayView<float> rescales,
        AttentionShape shape,
        int firstRow,
        int lastRow,
        int first,
        int count)
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
    {
        int lane = Warp.LaneIdx;
        int lanes = WarpReduction.LaneCount();
        int warps = IntrinsicMath.DivRoundUp(Group.DimX, Warp.WarpSize);
        for (int turn = 0; turn < TRows.Count; turn += warps)
        {
            int row = turn + Warp.WarpIdx;
            bool isRow = row < TRows.Count;
            int token = IntrinsicMath.Min(firstRow + row, lastRow) / shape.HeadsPerGroup;
            int end = isRow ? count : 0;
            int seen = IntrinsicMath.Min(end, shape.FirstPosition + token + 1 - first);
            int begin = row * KeysPerBlock;
            float before = float.NegativeInfinity;
            float total = 0f;
            if (isRow)
            {
                before = maxima[row];
                total = totals[row];
            }

            float max = before;
            for (int i = lane; i < seen; i += lanes)
            {
                max = XMath.Max(max, weights[begin + i]);
            }

            max = Warp.Shuffle(WarpReduction.Reduce<MaxReduction>(max), 0);
            float sum = 0f;
            for (int i = lane; i < end; i += lanes)
            {
                float weight = i < seen ? XMath.Exp(weights[begin + i] - max) : 0f;
                weights[begin + i] = weight;
                sum += weight;
            }

            sum = WarpReduction.Reduce<SumReduction>(sum);
            Warp.Barrier();
            if (isRow && lane == 0)
            {
                // a query that has seen no key yet has nothing to rescale
                float rescale = seen > 0 ? XMath.Exp(before - max) : 1f;
                maxima[row] = max;
                totals[row] = (total * rescale) + sum;
                rescales[row] = rescale;
            }
        }
    }

    /// <summary>The weighted sums of a lane's elements over its slice of a block.</summary>
    private static void SumValues<T, TElement, TRow, TRows, TTile>(
        ArrayView<T> values, long element, int width, ArrayView<float> weights, ArrayView<TRow> own, int slice, int slices, int count)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
        where TTile : struct, IAttentionTile
    {
        for (int e = 0; e < 1 << TTile.ElementShift; e++)
        {
            own[e] = default;
        }

        for (int i = slice; i < count; i += slices)
        {
            TRow weight = default;
            for (int row = 0; row < TRows.Count; row++)
            {
                weight = TRows.With(weight, row, weights[(row * KeysPerBlock) + i]);
            }

            long address = element + ((long)i * width);
            for (int e = 0; e < 1 << TTile.ElementShift; e++)
            {
                own[e] = TRows.MultiplyAdd(own[e], weight, TElement.ToFloat(values[address + e]));
            }
        }
    }

    /// <summary>
    /// Where the sum of an element of a lane's column stands among those of its query. Of eight elements the first four stand in the lower
    /// half and the others in the upper one, four by four: so 128 bits of neighbouring lanes are neighbours, and lie in different banks.
    /// </summary>
    private static int SumPlace<TTile>(int column, int element, int headDim)
        where TTile : struct, IAttentionTile =>
        TTile.ElementShift < 3 ? (column << TTile.ElementShift) + element : ((element & 4) * (headDim >> 3)) + (column << 2) + (element & 3);

    /// <summary>Adds up the slices of a query: its result, or where the keys are cut into parts, this part of it.</summary>
    private static void Finish<TTile>(
        ArrayView<float> output,
        ArrayView<float> parts,
        ArrayView<float> sums,
        float max,
        float total,
        int query,
        AttentionShape shape,
        int slices,
        int sliceLength,
        bool isWhole)
        where TTile : struct, IAttentionTile
    {
        int headDim = shape.HeadDim;
        float share = isWhole ? XMath.Rcp(total) : 1f;
        long part = (((long)Grid.IdxZ * shape.TokenCount * shape.HeadCount) + query) * (headDim + PartExtra);
        int lanes = Group.DimX;
        for (int i = Group.IdxX; i < headDim; i += lanes)
        {
            int place = SumPlace<TTile>(i >> TTile.ElementShift, i & ((1 << TTile.ElementShift) - 1), headDim);
            float sum = sums[place];
            for (int slice = 1; slice < slices; slice++)
            {
                sum += sums[(slice * sliceLength) + place];
            }

            if (isWhole)
            {
                output[((long)query * headDim) + i] = sum * share;
            }
            else
            {
                parts[part + i] = sum;
            }
        }

        if (!isWhole && Group.IdxX == 0)
        {
            parts[part + headDim] = max;
            parts[part + headDim + 1] = total;
        }
    }
}
