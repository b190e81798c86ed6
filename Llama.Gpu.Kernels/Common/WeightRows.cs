namespace Llama.Gpu.Kernels;

/// <summary>
/// Dot products of four neighbouring rows of a weight with one vector, by a warp. Four rows read the vector once, and four
/// sums and four streams of weights hide what one would wait for.
/// </summary>
internal static class WeightRows
{
    /// <summary>The products of rows <paramref name="row"/> to <c>row + 3</c>; each is valid in the warp's first lane.</summary>
    /// <param name="weight">(N, K) stored.</param>
    /// <param name="row">The first row; rows from <paramref name="rowCount"/> on are computed as the last one.</param>
    /// <param name="rowCount">N.</param>
    /// <param name="input">(K).</param>
    /// <param name="gain">(K), if <typeparamref name="TInput"/> reads it.</param>
    /// <param name="inputSize">K.</param>
    public static Float4 Dot<T, TElement, TRun, TInput>(
        ArrayView<T> weight, int row, int rowCount, ArrayView<float> input, ArrayView<T> gain, int inputSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
        where TInput : struct, IRowInput<T>
    {
        ArrayView<T> row0 = Row(weight, row, rowCount, inputSize);
        ArrayView<T> row1 = Row(weight, row + 1, rowCount, inputSize);
        ArrayView<T> row2 = Row(weight, row + 2, rowCount, inputSize);
        ArrayView<T> row3 = Row(weight, row + 3, rowCount, inputSize);
        int lane = Warp.LaneIdx;
        int lanes = WarpReduction.LaneCount();
        int span = lanes * TRun.Length;
        int whole = inputSize - (inputSize % span);
        float sum0 = 0f;
        float sum1 = 0f;
        float sum2 = 0f;
        float sum3 = 0f;
        for (int start = 0; start < whole; start += span)
        {
            int first = start + (lane * TRun.Length);
            for (int j = 0; j < TRun.Length; j++)
            {
                float x = TInput.At(input, gain, first + j);
                sum0 = MultiplyAdd.Of(TElement.ToFloat(row0[first + j]), x, sum0);
                sum1 = MultiplyAdd.Of(TElement.ToFloat(row1[first + j]), x, sum1);
                sum2 = MultiplyAdd.Of(TElement.ToFloat(row2[first + j]), x, sum2);
                sum3 = MultiplyAdd.Of(TElement.ToFloat(row3[first + j]), x, sum3);
            }
        }

        for (int k = whole + lane; k < inputSize; k += lanes)
        {
            float x = TInput.At(input, gain, k);
            sum0 = MultiplyAdd.Of(TElement.ToFloat(row0[k]), x, sum0);
            sum1 = MultiplyAdd.Of(TElement.ToFloat(row1[k]), x, sum1);
            sum2 = MultiplyAdd.Of(TElement.ToFloat(row2[k]), x, sum2);
            sum3 = MultiplyAdd.Of(TElement.ToFloat(row3[k]), x, sum3);
        }

        return new Float4(
            WarpReduction.Reduce<SumReduction>(sum0),
            WarpReduction.Reduce<SumReduction>(sum1),
            WarpReduction.Reduce<SumReduction>(sum2),
            WarpReduction.Reduce<SumReduction>(sum3));
    }

    /// <summary>Stores rows <paramref name="row"/> to <c>row + 3</c> as far as there are so many. For the warp's first lane.</summary>
    public static void Store<TStore>(ArrayView<float> output, int row, int rowCount, Float4 values)
        where TStore : struct, IRowStore
    {
        StoreOne<TStore>(output, row, rowCount, values.X);
        StoreOne<TStore>(output, row + 1, rowCount, values.Y);
        StoreOne<TStore>(output, row + 2, rowCount, values.Z);
        StoreOne<TStore>(output, row + 3, rowCount, values.W);
    }

    private static void StoreOne<TStore>(ArrayView<float> output, int row, int rowCount, float value)
        where TStore : struct, IRowStore
    {
        if (row < rowCount)
        {
            output[row] = TStore.Combine(output[row], value);
        }
    }

    private static ArrayView<T> Row<T>(ArrayView<T> weight, int row, int rowCount, int inputSize)
        where T : unmanaged =>
        weight.SubView((long)IntrinsicMath.Min(row, rowCount - 1) * inputSize, inputSize);
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
