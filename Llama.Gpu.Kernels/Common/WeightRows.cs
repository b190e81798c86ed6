namespace Llama.Gpu.Kernels;

/// <summary>
/// Dot products of rows of a weight with one vector: a warp takes four rows at a time, which read the vector once, and whose sums and
/// streams of weights hide what one would wait for. A group's rows are cut into quarters, and the four rows come from one each, so
/// that each stream runs on from row to row: short rows side by side would share pages, and a processor's prefetching follows one
/// stream a page.
/// </summary>
internal static class WeightRows
{
    /// <summary>Multiplies the rows of this group and stores the products.</summary>
    /// <param name="rows">The weight and where the products go.</param>
    /// <param name="group">This group, counted among those that share the rows.</param>
    /// <param name="warpBlocks">Times four rows that a warp takes.</param>
    /// <param name="input">(K).</param>
    /// <param name="inputSize">K.</param>
    public static void Multiply<T, TElement, TRun, TStore>(Rows<ArrayView<T>> rows, int group, int warpBlocks, ArrayView<float> input, int inputSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
        where TStore : struct, IRowStore
    {
        Share share = Share.Of(rows.Count, group, warpBlocks);
        for (int i = 0; i < share.Blocks; i++)
        {
            int row = share.Row(i);
            Float4 products = Dot<T, TElement, TRun>(RowStreams<T>.Of(rows.Weight, row, share.Stride, rows.Count, inputSize), input, inputSize);
            if (Warp.IsFirstLane)
            {
                Store<TStore>(rows.Output, row, share.Stride, rows.Count, products);
            }
        }
    }

    /// <summary>The products of four rows; each is valid in the warp's first lane.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="input">(K).</param>
    /// <param name="inputSize">K.</param>
    public static Float4 Dot<T, TElement, TRun>(RowStreams<T> rows, ArrayView<float> input, int inputSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
    {
        int lane = Warp.LaneIdx;
        int lanes = WarpReduction.LaneCount();
        int span = lanes * TRun.Length;
        int whole = inputSize - (inputSize % span);
        Float4 sums = default;
        for (int start = 0; start < whole; start += span)
        {
            int first = start + (lane * TRun.Length);
            rows.Prefetch(first);
            for (int j = 0; j < TRun.Length; j++)
            {
                sums = rows.MultiplyAdd<TElement>(first + j, input[first + j], sums);
            }
        }

        for (int k = whole + lane; k < inputSize; k += lanes)
        {
            sums = rows.MultiplyAdd<TElement>(k, input[k], sums);
        }

        return Reduce(sums);
    }

    /// <summary>The same with four rows each of two weights, whose loads are on their way together.</summary>
    /// <param name="low">Rows of one.</param>
    /// <param name="high">Rows of the other.</param>
    /// <param name="input">(K).</param>
    /// <param name="inputSize">K.</param>
    public static Float8 Dot<T, TElement, TRun>(RowStreams<T> low, RowStreams<T> high, ArrayView<float> input, int inputSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
    {
        int lane = Warp.LaneIdx;
        int lanes = WarpReduction.LaneCount();
        int span = lanes * TRun.Length;
        int whole = inputSize - (inputSize % span);
        Float4 ofLow = default;
        Float4 ofHigh = default;
        for (int start = 0; start < whole; start += span)
        {
            int first = start + (lane * TRun.Length);
            low.Prefetch(first);
            high.Prefetch(first);
            for (int j = 0; j < TRun.Length; j++)
            {
                float x = input[first + j];
                ofLow = low.MultiplyAdd<TElement>(first + j, x, ofLow);
                ofHigh = high.MultiplyAdd<TElement>(first + j, x, ofHigh);
            }
        }

        for (int k = whole + lane; k < inputSize; k += lanes)
        {
            float x = input[k];
            ofLow = low.MultiplyAdd<TElement>(k, x, ofLow);
            ofHigh = high.MultiplyAdd<TElement>(k, x, ofHigh);
        }

        return new Float8(Reduce(ofLow), Reduce(ofHigh));
    }

    /// <summary>Stores four products as far as there are so many rows. For the warp's first lane.</summary>
    public static void Store<TStore>(ArrayView<float> output, int row, int stride, int rowCount, Float4 values)
        where TStore : struct, IRowStore
    {
        StoreOne<TStore>(output, row, rowCount, values.X);
        StoreOne<TStore>(output, row + stride, rowCount, values.Y);
        StoreOne<TStore>(output, row + (2 * stride), rowCount, values.Z);
        StoreOne<TStore>(output, row + (3 * stride), rowCount, values.W);
    }

    /// <summary>A row, or the last one where there is no such row.</summary>
    public static ArrayView<T> Row<T>(ArrayView<T> weight, int row, int rowCount, int inputSize)
        where T : unmanaged =>
        weight.SubView((long)IntrinsicMath.Min(row, rowCount - 1) * inputSize, inputSize);

    /// <summary>Four sums over the lanes of a warp; each is valid in its first lane.</summary>
    public static Float4 Reduce(Float4 sums) => new(
        WarpReduction.Reduce<SumReduction>(sums.X),
        WarpReduction.Reduce<SumReduction>(sums.Y),
        WarpReduction.Reduce<SumReduction>(sums.Z),
        WarpReduction.Reduce<SumReduction>(sums.W));

    private static void StoreOne<TStore>(ArrayView<float> output, int row, int rowCount, float value)
        where TStore : struct, IRowStore
    {
        if (row < rowCount)
        {
            output[row] = TStore.Combine(output[row], value);
        }
    }
}

/// <summary>The rows that a warp takes of those of its group. The same number of blocks for every warp, so that all shuffle along.</summary>
internal readonly struct Share(int first, int blocks, int stride)
{
    /// <summary>Blocks of four rows.</summary>
    public readonly int Blocks = blocks;

    /// <summary>From one row of a block to the next.</summary>
    public readonly int Stride = stride;

    private readonly int _first = first;

    /// <summary>This warp's share.</summary>
    /// <param name="rowCount">Rows of all groups.</param>
    /// <param name="group">This group.</param>
    /// <param name="warpBlocks">Blocks of four rows that each warp of a group takes, but for the last group.</param>
    public static Share Of(int rowCount, int group, int warpBlocks)
    {
        int warps = IntrinsicMath.DivRoundUp(Group.DimX, Warp.WarpSize);
        int groupRows = GroupRows(warpBlocks);
        int first = group * groupRows;
        int blocks = IntrinsicMath.DivRoundUp(IntrinsicMath.Min(groupRows, rowCount - first), warps << 2);
        return new Share(first + Warp.WarpIdx, blocks, blocks * warps);
    }

    /// <summary>Rows of every group but the last.</summary>
    public static int GroupRows(int warpBlocks) => (IntrinsicMath.DivRoundUp(Group.DimX, Warp.WarpSize) << 2) * warpBlocks;

    /// <summary>First row of a block.</summary>
    public int Row(int block) => _first + (block * IntrinsicMath.DivRoundUp(Group.DimX, Warp.WarpSize));
}

/// <summary>What becomes of a product where it is stored.</summary>
internal interface IRowStore
{
    /// <summary>The value to store over <paramref name="before"/>.</summary>
    static abstract float Combine(float before, float value);
}

/// <summary>The product.</summary>
internal readonly struct ReplaceStore : IRowStore
{
    /// <inheritdoc/>
    public static float Combine(float before, float value) => value;
}

/// <summary>What was there plus the product.</summary>
internal readonly struct AddStore : IRowStore
{
    /// <inheritdoc/>
    public static float Combine(float before, float value) => before + value;
}
