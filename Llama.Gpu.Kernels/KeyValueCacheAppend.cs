namespace Llama.Gpu.Kernels;

/// <summary>
/// Stores the keys and values of new tokens in the cache, the keys rotated as <see cref="Rope"/> does, since a key's position never
/// changes: <c>keyCache[p, h, :] = rope(keys[t, h, :])</c> and <c>valueCache[p, h, :] = values[t, h, :]</c> with
/// p = firstPosition + t, rounded to the cache's type. keys and values (T, kvHeads, headDim) f32; cosines and sines
/// (positions, headDim/2) f32; caches (capacity, kvHeads, headDim) stored. A group takes a head of a token, a lane pairs
/// (i, i + headDim/2) of it.
/// </summary>
public sealed class KeyValueCacheAppend : ITypedKernel<KeyValueCacheAppend.Launch>
{
    private readonly AttentionLaunch _launch;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public KeyValueCacheAppend(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _launch = (shapes ?? LaunchShapes.For(accelerator)).Attention;
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> keys,
        ArrayView<float> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        WeightView keyCache,
        WeightView valueCache,
        AttentionShape shape);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, AttentionShape shape) =>
        new(
            (2L * shape.TokenCount * shape.KeyValueWidth * (4 + type.ElementSize())) + ((long)shape.TokenCount * shape.HeadDim * 4),
            (long)shape.TokenCount * shape.KeyValueWidth * 3);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="keys">(T, kvHeads, headDim), not rotated.</param>
    /// <param name="values">(T, kvHeads, headDim).</param>
    /// <param name="cosines">(positions, headDim/2).</param>
    /// <param name="sines">(positions, headDim/2).</param>
    /// <param name="keyCache">(capacity, kvHeads, headDim); positions firstPosition to firstPosition + T - 1 are written.</param>
    /// <param name="valueCache">(capacity, kvHeads, headDim), of the keys' type; the same positions are written.</param>
    /// <param name="shape">Extents.</param>
    /// <exception cref="ArgumentException">A view does not have its shape or type, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> keys,
        ArrayView<float> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        WeightView keyCache,
        WeightView valueCache,
        AttentionShape shape)
    {
        shape.Validate(nameof(shape));
        Require.Holds(keys, shape.TokenCount, shape.KeyValueWidth);
        Require.Holds(values, shape.TokenCount, shape.KeyValueWidth);
        Require.Holds(cosines, shape.PositionCount, shape.HeadDim >> 1);
        Require.Holds(sines, shape.PositionCount, shape.HeadDim >> 1);
        Require.Holds(keyCache, shape.PositionCount, shape.KeyValueWidth);
        Require.Holds(valueCache, shape.PositionCount, shape.KeyValueWidth);
        if (valueCache.Type != keyCache.Type)
        {
            throw new ArgumentException($"expected elements of the keys' type {keyCache.Type}, found {valueCache.Type}", nameof(valueCache));
        }

        KernelConfig config = _launch.Config(shape.TokenCount, shape.KeyValueHeadCount);
        _kernels[keyCache.Type](stream, config, keys, values, cosines, sines, keyCache, valueCache, shape);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<T>, ArrayView<T>, AttentionShape>(
                Kernel<T, TElement>);
        return (stream, config, keys, values, cosines, sines, keyCache, valueCache, shape) =>
            kernel(stream, config, keys, values, cosines, sines, keyCache.As<T>(), valueCache.As<T>(), shape);
    }

    internal static void Kernel<T, TElement>(
        ArrayView<float> keys,
        ArrayView<float> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<T> keyCache,
        ArrayView<T> valueCache,
        AttentionShape shape)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        int half = shape.HeadDim >> 1;
        int position = shape.FirstPosition + Grid.IdxX;
        long headOffset = (long)Grid.IdxY * shape.HeadDim;
        long source = ((long)Grid.IdxX * shape.KeyValueWidth) + headOffset;
        long target = ((long)position * shape.KeyValueWidth) + headOffset;
        long angle = (long)position * half;
        int lanes = Group.DimX;
        for (int i = Group.IdxX; i < half; i += lanes)
        {
            float a = keys[source + i];
            float b = keys[source + half + i];
            float cosine = cosines[angle + i];
            float sine = sines[angle + i];
            keyCache[target + i] = TElement.FromFloat((a * cosine) - (b * sine));
            keyCache[target + half + i] = TElement.FromFloat((b * cosine) + (a * sine));
            valueCache[target + i] = TElement.FromFloat(values[source + i]);
            valueCache[target + half + i] = TElement.FromFloat(values[source + half + i]);
        }
    }
}
