namespace Llama.Gpu.Kernels;

/// <summary>
/// Rotation of the queries and their scores against the key cache in one kernel:
/// <c>scores[h, t, s] = scale * dot(rope(queries[t, h, :]), keys[s, h / group, :])</c> for s up to the query's own position.
/// queries (T, heads, headDim) f32, not rotated; keys (positions, kvHeads, headDim) stored, rotated; cosines and sines
/// (positions, headDim/2) f32; scores (heads, T, S) f32 with S = firstPosition + T. Scores of later keys are left as they are:
/// <see cref="CausalSoftmax"/> makes them 0.
/// A group turns one query on its way into shared memory, which saves a pass over the queries, and each of its lanes takes
/// keys of its own: the query is then read by all lanes at once, and nothing has to be reduced between lanes.
/// </summary>
public sealed class RopeScores : ITypedKernel<RopeScores.Launch>
{
    /// <summary>Largest width of a head: what the shared memory is made for.</summary>
    public const int MaxHeadDim = 512;

    private readonly LaunchShapes _shapes;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public RopeScores(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> queries,
        WeightView keys,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> scores,
        AttentionShape shape,
        float scale);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, AttentionShape shape) =>
        new(
            ((long)shape.TokenCount * (shape.QueryWidth + shape.HeadDim) * 4)
                + ((long)shape.PositionCount * shape.KeyValueWidth * type.ElementSize())
                + (shape.VisiblePairs * 4),
            ((long)shape.TokenCount * shape.QueryWidth * 4) + (shape.VisiblePairs * shape.HeadDim * 2));

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="queries">(T, heads, headDim), not rotated.</param>
    /// <param name="keys">(capacity, kvHeads, headDim) cache that holds the rotated keys of all S positions.</param>
    /// <param name="cosines">(positions, headDim/2).</param>
    /// <param name="sines">(positions, headDim/2).</param>
    /// <param name="scores">(heads, T, S) result.</param>
    /// <param name="shape">Extents; a head of at most <see cref="MaxHeadDim"/>.</param>
    /// <param name="scale">Factor of every score: 1 / sqrt(headDim).</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> queries,
        WeightView keys,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> scores,
        AttentionShape shape,
        float scale)
    {
        shape.Validate(nameof(shape));
        if (shape.HeadDim > MaxHeadDim)
        {
            throw new ArgumentException($"expected a head at most {MaxHeadDim} wide, found {shape.HeadDim}", nameof(shape));
        }

        Require.Holds(queries, shape.TokenCount, shape.QueryWidth);
        Require.Holds(keys, shape.PositionCount, shape.KeyValueWidth);
        Require.Holds(cosines, shape.PositionCount, shape.HeadDim >> 1);
        Require.Holds(sines, shape.PositionCount, shape.HeadDim >> 1);
        Require.Holds(scores, shape.HeadCount, shape.TokenCount, shape.PositionCount);
        var config = _shapes.Keys(shape.TokenCount, shape.HeadCount, shape.PositionCount);
        _kernels[keys.Type](stream, config, queries, keys, cosines, sines, scores, shape, scale);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<
            ArrayView<float>, ArrayView<T>, ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionShape, float>(Kernel<T, TElement>);
        return (stream, config, queries, keys, cosines, sines, scores, shape, scale) =>
            kernel(stream, config, queries, keys.As<T>(), cosines, sines, scores, shape, scale);
    }

    internal static void Kernel<T, TElement>(
        ArrayView<float> queries,
        ArrayView<T> keys,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> scores,
        AttentionShape shape,
        float scale)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        ArrayView<float> rotated = SharedMemory.Allocate<float>(MaxHeadDim);
        int token = Grid.IdxX;
        int head = Grid.IdxY;
        int lane = Group.IdxX;
        int lanes = Group.DimX;
        int position = shape.FirstPosition + token;
        int firstKey = (int)Spread.First(shape.PositionCount, Grid.IdxZ, Grid.DimZ);
        if (firstKey > position)
        {
            return;
        }

        int headDim = shape.HeadDim;
        int half = headDim >> 1;
        ArrayView<float> query = queries.SubView((((long)token * shape.HeadCount) + head) * headDim, headDim);
        ArrayView<float> cosine = cosines.SubView((long)position * half, half);
        ArrayView<float> sine = sines.SubView((long)position * half, half);
        for (int i = lane; i < half; i += lanes)
        {
            float a = query[i] * scale;
            float b = query[i + half] * scale;
            rotated[i] = (a * cosine[i]) - (b * sine[i]);
            rotated[i + half] = (b * cosine[i]) + (a * sine[i]);
        }

        Group.Barrier();
        int width = shape.KeyValueWidth;
        long keyOffset = (long)(head / shape.HeadsPerGroup) * headDim;
        ArrayView<float> row = scores.SubView((((long)head * shape.TokenCount) + token) * shape.PositionCount, shape.PositionCount);
        int end = IntrinsicMath.Min((int)Spread.End(shape.PositionCount, Grid.IdxZ, Grid.DimZ), position + 1);
        for (int key = firstKey + lane; key < end; key += lanes)
        {
            ArrayView<T> elements = keys.SubView(((long)key * width) + keyOffset, headDim);
            row[key] = LaneDot.Partial<T, TElement>(elements, rotated, headDim, 0, 1);
        }
    }
}
