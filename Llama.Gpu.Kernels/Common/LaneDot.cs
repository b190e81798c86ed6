namespace Llama.Gpu.Kernels;

/// <summary>A lane's share of a dot product between stored elements and f32 values.</summary>
internal static class LaneDot
{
    /// <summary>
    /// Sums <c>elements[k] * values[k]</c> over this lane's k. Lanes take four neighbouring elements in turn, so that a warp
    /// reads a contiguous stretch and a lane's loads can become one; four sums hide the latency of the addition.
    /// </summary>
    /// <param name="elements">At least <paramref name="length"/> stored elements.</param>
    /// <param name="values">At least <paramref name="length"/> values.</param>
    /// <param name="length">Elements of the whole product.</param>
    /// <param name="lane">This lane, from 0.</param>
    /// <param name="lanes">Lanes that share the product.</param>
    public static float Partial<T, TElement>(ArrayView<T> elements, ArrayView<float> values, int length, int lane, int lanes)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        float sum0 = 0f;
        float sum1 = 0f;
        float sum2 = 0f;
        float sum3 = 0f;
        int whole = length & ~3;
        for (int k = lane << 2; k < whole; k += lanes << 2)
        {
            sum0 += TElement.ToFloat(elements[k]) * values[k];
            sum1 += TElement.ToFloat(elements[k + 1]) * values[k + 1];
            sum2 += TElement.ToFloat(elements[k + 2]) * values[k + 2];
            sum3 += TElement.ToFloat(elements[k + 3]) * values[k + 3];
        }

        for (int k = whole + lane; k < length; k += lanes)
        {
            sum0 += TElement.ToFloat(elements[k]) * values[k];
        }

        return (sum0 + sum1) + (sum2 + sum3);
    }
}
