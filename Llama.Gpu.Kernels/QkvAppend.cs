namespace Llama.Gpu.Kernels;

/// <summary>
/// <see cref="QkvProjection"/> and <see cref="KeyValueCacheAppend"/> of one token in one launch, at a position that stands on the device:
/// queries to where attention reads them, <c>keyCache[p, :] = rope(Wk n)</c> and <c>valueCache[p, :] = Wv n</c> with
/// <c>n = x * gain / sqrt(mean(x^2) + epsilon)</c>, rounded to the cache's type, which is the weights'. The four rows that a warp takes of
/// keys and values are two pairs (i, i + headDim/2) of a head, so that the lane with the products turns and stores them. Results have the
/// bits of the two launches.
/// </summary>
public sealed class QkvAppend : IRunKernel<QkvAppend.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly int _warpSize;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public QkvAppend(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _warpSize = accelerator.WarpSize;
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> input,
        WeightView gain,
        Rows<WeightView> query,
        CachedRows<WeightView> key,
        CachedRows<WeightView> value,
        TokenPlace place,
        int inputSize,
        float epsilon,
        int warpBlocks);

    LaunchShapes IRunKernel<Launch>.Shapes => _shapes;

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int queryWidth, int keyValueWidth, int headDim, int inputSize) =>
        QkvProjection.CostOf(type, queryWidth, keyValueWidth, inputSize)
            + new Cost((2L * keyValueWidth * (type.ElementSize() - 4)) + (4L * headDim), 3L * keyValueWidth);

    /// <summary>Whether it is the better way for a token whose position the host knows too.</summary>
    public bool Pays => _shapes.FusesAppend;

    /// <summary>Whether a group has shared memory for a normalized input of this size.</summary>
    public bool Takes(int inputSize) => _shapes.HoldsNormed(inputSize);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(K).</param>
    /// <param name="gain">(K), of the weights' type.</param>
    /// <param name="queryWeight">(heads * headDim, K).</param>
    /// <param name="keyWeight">(kvHeads * headDim, K), of the same type.</param>
    /// <param name="valueWeight">(kvHeads * headDim, K), of the same type.</param>
    /// <param name="query">(heads * headDim) result, not rotated; must not overlap <paramref name="input"/>.</param>
    /// <param name="keyCache">(capacity, kvHeads * headDim), of the same type; the row of the position is written.</param>
    /// <param name="valueCache">(capacity, kvHeads * headDim), of the same type; the row of the position is written.</param>
    /// <param name="cosines">(capacity, headDim/2).</param>
    /// <param name="sines">(capacity, headDim/2).</param>
    /// <param name="position">(1) the token's position, below the capacity.</param>
    /// <param name="shape">Extents for the last position that there is room for.</param>
    /// <param name="inputSize">K.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <exception cref="ArgumentException">A view does not have its shape or type, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> input,
        WeightView gain,
        WeightView queryWeight,
        WeightView keyWeight,
        WeightView valueWeight,
        ArrayView<float> query,
        WeightView keyCache,
        WeightView valueCache,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<int> position,
        AttentionShape shape,
        int inputSize,
        float epsilon)
    {
        shape.Validate(nameof(shape));
        int queryWidth = shape.QueryWidth;
        int keyValueWidth = shape.KeyValueWidth;
        _shapes.RequireNormed(input, gain, queryWeight.Type, inputSize);
        Require.IsShaped(queryWeight, queryWidth, inputSize);
        Require.IsShaped(keyWeight, keyValueWidth, inputSize);
        Require.IsShaped(valueWeight, keyValueWidth, inputSize);
        Require.SameType(keyWeight, queryWeight.Type);
        Require.SameType(valueWeight, queryWeight.Type);
        Require.SameType(keyCache, queryWeight.Type);
        Require.SameType(valueCache, queryWeight.Type);
        Require.Holds(query, queryWidth);
        Require.Holds(keyCache, shape.PositionCount, keyValueWidth);
        Require.Holds(valueCache, shape.PositionCount, keyValueWidth);
        Require.Holds(cosines, shape.PositionCount, shape.HeadDim >> 1);
        Require.Holds(sines, shape.PositionCount, shape.HeadDim >> 1);
        Require.Holds(position, 1);
        KernelConfig config = _shapes.NormedRows([queryWidth, keyValueWidth, keyValueWidth], inputSize, _warpSize);
        _kernels[queryWeight.Type](
            stream,
            config,
            input,
            gain,
            new(queryWeight, query, queryWidth),
            new(keyWeight, keyCache, keyValueWidth),
            new(valueWeight, valueCache, keyValueWidth),
            new(cosines, sines, position, shape.HeadDim),
            inputSize,
            epsilon,
            _shapes.WarpBlocksFor(checked(queryWidth + (2 * keyValueWidth)), _warpSize));
    }

    Launch IRunKernel<Launch>.Load<T, TElement, TRun>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<
            ArrayView<float>, ArrayView<T>, Rows<ArrayView<T>>, CachedRows<ArrayView<T>>, CachedRows<ArrayView<T>>, TokenPlace, int, float, int>(
                Kernel<T, TElement, TRun>);
        return (stream, config, input, gain, query, key, value, place, inputSize, epsilon, warpBlocks) => kernel(
            stream,
            config,
            input,
            gain.As<T>(),
            new(query.Weight.As<T>(), query.Output, query.Count),
            new(key.Weight.As<T>(), key.Cache.As<T>(), key.Count),
            new(value.Weight.As<T>(), value.Cache.As<T>(), value.Count),
            place,
            inputSize,
            epsilon,
            warpBlocks);
    }

    internal static void Kernel<T, TElement, TRun>(
        ArrayView<float> input,
        ArrayView<T> gain,
        Rows<ArrayView<T>> query,
        CachedRows<ArrayView<T>> key,
        CachedRows<ArrayView<T>> value,
        TokenPlace place,
        int inputSize,
        float epsilon,
        int warpBlocks)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
    {
        ArrayView<float> normed = SharedMemory.GetDynamic<float>();
        RowNorm.Apply<T, TElement>(input, gain, normed, inputSize, epsilon);
        Group.Barrier();

        QkvShare share = QkvShare.Of(query.Count, key.Count, warpBlocks);
        if (share.IsQuery)
        {
            WeightRows.Multiply<T, TElement, TRun, ReplaceStore>(query, share.Group, warpBlocks, normed, inputSize);
            return;
        }

        CachedRows<ArrayView<T>> rows = share.IsKey ? key : value;
        int half = place.HeadDim >> 1;
        int pairs = rows.Count >> 1;
        int position = place.Position[0];
        ArrayView<T> target = rows.Cache.SubView((long)position * rows.Count, rows.Count);
        ArrayView<float> cosines = place.Cosines.SubView((long)position * half, half);
        ArrayView<float> sines = place.Sines.SubView((long)position * half, half);

        // as Share cuts rows, with two pairs for four rows
        int groupRows = Share.GroupRows(warpBlocks);
        int warps = groupRows / (warpBlocks << 2);
        int firstPair = share.Group * (groupRows >> 1);
        int blocks = IntrinsicMath.DivRoundUp(IntrinsicMath.Min(groupRows >> 1, pairs - firstPair), warps << 1);
        for (int i = 0; i < blocks; i++)
        {
            int pair = firstPair + Warp.WarpIdx + (i * warps);
            int other = pair + (blocks * warps);
            int low0 = LowRow(IntrinsicMath.Min(pair, pairs - 1), half);
            int low1 = LowRow(IntrinsicMath.Min(other, pairs - 1), half);
            var streams = new RowStreams<T>(
                WeightRows.Row(rows.Weight, low0, rows.Count, inputSize),
                WeightRows.Row(rows.Weight, low0 + half, rows.Count, inputSize),
                WeightRows.Row(rows.Weight, low1, rows.Count, inputSize),
                WeightRows.Row(rows.Weight, low1 + half, rows.Count, inputSize));
            Float4 products = WeightRows.Dot<T, TElement, TRun>(streams, normed, inputSize);
            if (Warp.IsFirstLane)
            {
                if (pair < pairs)
                {
                    Store<T, TElement>(target, low0, half, products.X, products.Y, cosines, sines, share.IsKey);
                }

                if (other < pairs)
                {
                    Store<T, TElement>(target, low1, half, products.Z, products.W, cosines, sines, share.IsKey);
                }
            }
        }
    }

    // pairs are counted along the lower halves of the heads
    private static int LowRow(int pair, int half) => pair + ((pair / half) * half);

    private static void Store<T, TElement>(
        ArrayView<T> target, int low, int half, float a, float b, ArrayView<float> cosines, ArrayView<float> sines, bool rotates)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        float first = a;
        float second = b;
        if (rotates)
        {
            int i = low - ((low / half) * half);
            first = (a * cosines[i]) - (b * sines[i]);
            second = (b * cosines[i]) + (a * sines[i]);
        }

        target[low] = TElement.FromFloat(first);
        target[low + half] = TElement.FromFloat(second);
    }
}

/// <summary>A weight whose products go into a row of a cache.</summary>
/// <typeparam name="TView">A view of the weight, and of the cache.</typeparam>
internal readonly struct CachedRows<TView>(TView weight, TView cache, int count)
    where TView : struct
{
    /// <summary>(N, K) stored.</summary>
    public readonly TView Weight = weight;

    /// <summary>(capacity, N) stored.</summary>
    public readonly TView Cache = cache;

    /// <summary>N.</summary>
    public readonly int Count = count;
}

/// <summary>Where a token stands, and the rotary tables.</summary>
internal readonly struct TokenPlace(ArrayView<float> cosines, ArrayView<float> sines, ArrayView<int> position, int headDim)
{
    /// <summary>(capacity, headDim/2).</summary>
    public readonly ArrayView<float> Cosines = cosines;

    /// <summary>(capacity, headDim/2).</summary>
    public readonly ArrayView<float> Sines = sines;

    /// <summary>(1).</summary>
    public readonly ArrayView<int> Position = position;

    /// <summary>Width of a head.</summary>
    public readonly int HeadDim = headDim;
}
