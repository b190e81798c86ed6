namespace Llama.Gpu.Kernels;

/// <summary>
/// Dot products of rows of a weight with one vector: a warp takes four rows at a time, which read the vector once, and whose sums and
/// streams of weights hide what one would wait for. A group's rows are cut into quarters, and the four rows come from one each, so
/// that each stream runs on from row to row: short rows side by side would share pages, and a processor's prefetching follows one
/// stream a page.
/// </summary>
internal static class WeightRows
{
    // how far ahead of a stream its memory is asked for: a processor's own prefetching ends with a page of 4 KiB
    private const int PrefetchedBytes = 1024;

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
            Float4 products = Dot<T, TElement, TRun>(rows.Weight, row, share.Stride, rows.Count, input, inputSize);
            if (Warp.IsFirstLane)
            {
                Store<TStore>(rows.Output, row, share.Stride, rows.Count, products);
            }
        }
    }

    /// <summary>The products of four rows, <paramref name="stride"/> apart; each is valid in the warp's first lane.</summary>
    /// <param name="weight">(N, K) stored.</param>
    /// <param name="row">The first row; rows from <paramref name="rowCount"/> on are computed as the last one.</param>
    /// <param name="stride">From one row to the next.</param>
    /// <param name="rowCount">N.</param>
    /// <param name="input">(K).</param>
    /// <param name="inputSize">K.</param>
    public static Float4 Dot<T, TElement, TRun>(
        ArrayView<T> weight, int row, int stride, int rowCount, ArrayView<float> input, int inputSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun => Dot<T, TElement, TRun>(
            Row(weight, row, rowCount, inputSize),
            Row(weight, row + stride, rowCount, inputSize),
            Row(weight, row + (2 * stride), rowCount, inputSize),
            Row(weight, row + (3 * stride), rowCount, inputSize),
            input,
            inputSize);

    /// <summary>The products of any four rows; each is valid in the warp's first lane.</summary>
    /// <param name="row0">(K) stored.</param>
    /// <param name="row1">(K) stored.</param>
    /// <param name="row2">(K) stored.</param>
    /// <param name="row3">(K) stored.</param>
    /// <param name="input">(K).</param>
    /// <param name="inputSize">K.</param>
    public static Float4 Dot<T, TElement, TRun>(
        ArrayView<T> row0, ArrayView<T> row1, ArrayView<T> row2, ArrayView<T> row3, ArrayView<float> input, int inputSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
    {
        int lane = Warp.LaneIdx;
        int lanes = WarpReduction.LaneCount();
        int span = lanes * TRun.Length;
        int whole = inputSize - (inputSize % span);
        int ahead = PrefetchedBytes / Interop.SizeOf<T>();
        float sum0 = 0f;
        float sum1 = 0f;
        float sum2 = 0f;
        float sum3 = 0f;
        for (int start = 0; start < whole; start += span)
        {
            int first = start + (lane * TRun.Length);
            StreamedMemory.Prefetch(row0, first + ahead);
            StreamedMemory.Prefetch(row1, first + ahead);
            StreamedMemory.Prefetch(row2, first + ahead);
            StreamedMemory.Prefetch(row3, first + ahead);
            for (int j = 0; j < TRun.Length; j++)
            {
                float x = input[first + j];
                sum0 = MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(row0, first + j)), x, sum0);
                sum1 = MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(row1, first + j)), x, sum1);
                sum2 = MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(row2, first + j)), x, sum2);
                sum3 = MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(row3, first + j)), x, sum3);
            }
        }

        for (int k = whole + lane; k < inputSize; k += lanes)
        {
            float x = input[k];
            sum0 = MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(row0, k)), x, sum0);
            sum1 = MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(row1, k)), x, sum1);
            sum2 = MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(row2, k)), x, sum2);
            sum3 = MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(row3, k)), x, sum3);
        }

        return new Float4(
            WarpReduction.Reduce<SumReduction>(sum0),
            WarpReduction.Reduce<SumReduction>(sum1),
            WarpReduction.Reduce<SumReduction>(sum2),
            WarpReduction.Reduce<SumReduction>(sum3));
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
