namespace Llama.Gpu.Kernels;

/// <summary>
/// What <see cref="TensorCoreAttention"/> and <see cref="WarpGroupAttention"/> do alike with rows (t, h) of queries that share a key-value
/// head, heads fastest. Four neighbouring lanes hold a row of a product.
/// </summary>
internal static class AttentionRows
{
    /// <summary>Scores are powers of two.</summary>
    public const float LogOfE = 1.44269504f;

    /// <summary>The bits of what takes the place of a value that is infinite or no number.</summary>
    public const int NotANumber = 0x7FC00000;

    // groups have one dimension: read where it is used, it takes no register in between
    public static int Lane => Group.IdxX & (TensorCore.WarpSize - 1);

    /// <summary>Which query (t, h), counted over all heads, a row of this group's key-value head is.</summary>
    public static int QueryIndex(AttentionShape shape, int headsPerGroup, int row)
    {
        int token = row / headsPerGroup;
        return (token * shape.HeadCount) + (Grid.IdxX * headsPerGroup) + row - (token * headsPerGroup);
    }

    /// <summary>Turns eight elements of a row and the eight that they turn with, scales and rounds them.</summary>
    /// <param name="queries">(T, heads, headDim).</param>
    /// <param name="cosines">(positions, headDim/2).</param>
    /// <param name="sines">(positions, headDim/2).</param>
    /// <param name="tile">Where they go.</param>
    /// <param name="source">Index of the first element.</param>
    /// <param name="angle">Index of its angle.</param>
    /// <param name="half">headDim/2: as far away are the others.</param>
    /// <param name="low">Where the first eight go.</param>
    /// <param name="high">Where the others go.</param>
    /// <param name="factor">What they are scaled by.</param>
    public static void Turn<T, TElement>(
        ArrayView<float> queries,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<T> tile,
        long source,
        long angle,
        int half,
        int low,
        int high,
        float factor)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        for (int e = 0; e < 8; e++)
        {
            float a = queries[source + e] * factor;
            float b = queries[source + half + e] * factor;
            tile[low + e] = TElement.FromFloat((a * cosines[angle + e]) - (b * sines[angle + e]));
        }

        // what has been loaded is still at hand; stores side by side become one
        for (int e = 0; e < 8; e++)
        {
            float a = queries[source + e] * factor;
            float b = queries[source + half + e] * factor;
            tile[high + e] = TElement.FromFloat((b * cosines[angle + e]) + (a * sines[angle + e]));
        }
    }

    /// <summary>The largest over the four lanes of a row.</summary>
    public static float Largest(float value)
    {
        value = XMath.Max(value, Warp.Shuffle(value, Lane ^ 1));
        return XMath.Max(value, Warp.Shuffle(value, Lane ^ 2));
    }

    /// <summary>The sum over the four lanes of a row.</summary>
    public static float Sum(float value)
    {
        value += Warp.Shuffle(value, Lane ^ 1);
        return value + Warp.Shuffle(value, Lane ^ 2);
    }
}
