namespace Llama.Gpu.Kernels;

/// <summary>Root-mean-square normalization of a row, by a group.</summary>
internal static class RowNorm
{
    /// <summary>
    /// <c>target[i] = row[i] / sqrt(mean(row^2) + epsilon) * gain[i]</c>: each lane writes its own elements. No barrier follows.
    /// </summary>
    /// <param name="row">What is normalized.</param>
    /// <param name="gain">What it is multiplied with.</param>
    /// <param name="target">The result.</param>
    /// <param name="size">Elements of each.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    public static void Apply<T, TElement>(ArrayView<float> row, ArrayView<T> gain, ArrayView<float> target, int size, float epsilon)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        ArrayView<float> scratch = SharedMemory.Allocate<float>(GroupReduction.MaxWarps);
        float scale = Scale(row, size, epsilon, scratch);
        int lanes = Group.DimX;
        for (int i = Group.IdxX; i < size; i += lanes)
        {
            target[i] = row[i] * scale * TElement.ToFloat(gain[i]);
        }
    }

    /// <summary>
    /// <c>1 / sqrt(mean(x^2) + epsilon)</c>, valid in every lane. Ends with a barrier. Neighbouring lanes take neighbouring elements;
    /// four sums keep a long row accurate where there are few lanes.
    /// </summary>
    /// <param name="row">x.</param>
    /// <param name="size">Elements of x.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="scratch"><see cref="GroupReduction.MaxWarps"/> elements of shared memory, free to use again afterwards.</param>
    private static float Scale(ArrayView<float> row, int size, float epsilon, ArrayView<float> scratch)
    {
        int lane = Group.IdxX;
        int lanes = Group.DimX;
        float sum0 = 0f;
        float sum1 = 0f;
        float sum2 = 0f;
        float sum3 = 0f;
        int whole = size - (size % (lanes << 2));
        for (int start = 0; start < whole; start += lanes << 2)
        {
            int i = start + lane;
            float x0 = row[i];
            float x1 = row[i + lanes];
            float x2 = row[i + (lanes << 1)];
            float x3 = row[i + (3 * lanes)];
            sum0 = MultiplyAdd.Of(x0, x0, sum0);
            sum1 = MultiplyAdd.Of(x1, x1, sum1);
            sum2 = MultiplyAdd.Of(x2, x2, sum2);
            sum3 = MultiplyAdd.Of(x3, x3, sum3);
        }

        for (int i = whole + lane; i < size; i += lanes)
        {
            sum0 = MultiplyAdd.Of(row[i], row[i], sum0);
        }

        float square = GroupReduction.Reduce<SumReduction>((sum0 + sum1) + (sum2 + sum3), scratch);
        return XMath.Rsqrt((square / size) + epsilon);
    }
}
