namespace Llama.Gpu.Kernels;

/// <summary>
/// Dot products of four neighbouring rows of a weight with one vector, by a warp. Four rows read the vector once, and four
/// sums and four streams of weights hide what one would wait for.
/// </summary>
internal static class FourRows
{
    /// <summary>The products of rows <paramref name="row"/> to <c>row + 3</c>; each is valid in the warp's first lane.</summary>
    /// <param name="weight">(N, K) stored.</param>
    /// <param name="row">The first row; rows from <paramref name="rowCount"/> on are computed as the last one.</param>
    /// <param name="rowCount">N.</param>
    /// <param name="input">(K).</param>
    /// <param name="inputSize">K.</param>
    public static Float4 Dot<T, TElement, TRun>(ArrayView<T> weight, int row, int rowCount, ArrayView<float> input, int inputSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
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
                float x = input[first + j];
                sum0 = MultiplyAdd.Of(TElement.ToFloat(row0[first + j]), x, sum0);
                sum1 = MultiplyAdd.Of(TElement.ToFloat(row1[first + j]), x, sum1);
                sum2 = MultiplyAdd.Of(TElement.ToFloat(row2[first + j]), x, sum2);
                sum3 = MultiplyAdd.Of(TElement.ToFloat(row3[first + j]), x, sum3);
            }
        }

        for (int k = whole + lane; k < inputSize; k += lanes)
        {
            float x = input[k];
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

    private static ArrayView<T> Row<T>(ArrayView<T> weight, int row, int rowCount, int inputSize)
        where T : unmanaged =>
        weight.SubView((long)IntrinsicMath.Min(row, rowCount - 1) * inputSize, inputSize);
}
