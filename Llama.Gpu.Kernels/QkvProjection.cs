namespace Llama.Gpu.Kernels;

/// <summary>
/// Queries, keys and values of one token in one launch: <c>y = W (x * gain / sqrt(mean(x^2) + epsilon))</c> for three weights.
/// x (K) f32, gain (K) stored, weights (Nq, K), (Nk, K) and (Nv, K) stored, outputs (Nq), (Nk) and (Nv) f32. In place of a
/// <see cref="RmsNorm"/> and three <see cref="MatVec"/>: each group normalizes x for itself into shared memory, which is little
/// beside its rows of weights, and three launches are saved.
/// </summary>
public sealed class QkvProjection : IRunKernel<QkvProjection.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly int _warpSize;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public QkvProjection(Accelerator accelerator, LaunchShapes? shapes = null)
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
        Rows<WeightView> key,
        Rows<WeightView> value,
        int inputSize,
        float epsilon,
        int warpBlocks);

    LaunchShapes IRunKernel<Launch>.Shapes => _shapes;

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int queryWidth, int keyValueWidth, int inputSize) =>
        MatVec.CostOf(type, queryWidth + (2 * keyValueWidth), inputSize) + new Cost((long)inputSize * type.ElementSize(), 4L * inputSize);

    /// <summary>Whether a group has shared memory for a normalized input of this size.</summary>
    public bool Takes(int inputSize) => _shapes.HoldsNormed(inputSize);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(K).</param>
    /// <param name="gain">(K), of the weights' type.</param>
    /// <param name="queryWeight">(Nq, K).</param>
    /// <param name="keyWeight">(Nkv, K), of the same type.</param>
    /// <param name="valueWeight">(Nkv, K), of the same type.</param>
    /// <param name="query">(Nq) result; no result may overlap <paramref name="input"/>.</param>
    /// <param name="key">(Nkv) result.</param>
    /// <param name="value">(Nkv) result.</param>
    /// <param name="queryWidth">Nq.</param>
    /// <param name="keyValueWidth">Nkv.</param>
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
        ArrayView<float> key,
        ArrayView<float> value,
        int queryWidth,
        int keyValueWidth,
        int inputSize,
        float epsilon)
    {
        Require.Dimension(queryWidth);
        Require.Dimension(keyValueWidth);
        _shapes.RequireNormed(input, gain, queryWeight.Type, inputSize);
        Require.IsShaped(queryWeight, queryWidth, inputSize);
        Require.IsShaped(keyWeight, keyValueWidth, inputSize);
        Require.IsShaped(valueWeight, keyValueWidth, inputSize);
        Require.SameType(keyWeight, queryWeight.Type);
        Require.SameType(valueWeight, queryWeight.Type);
        Require.Holds(query, queryWidth);
        Require.Holds(key, keyValueWidth);
        Require.Holds(value, keyValueWidth);
        KernelConfig config = _shapes.NormedRows([queryWidth, keyValueWidth, keyValueWidth], inputSize, _warpSize);
        _kernels[queryWeight.Type](
            stream,
            config,
            input,
            gain,
            new(queryWeight, query, queryWidth),
            new(keyWeight, key, keyValueWidth),
            new(valueWeight, value, keyValueWidth),
            inputSize,
            epsilon,
            _shapes.WarpBlocksFor(checked(queryWidth + (2 * keyValueWidth)), _warpSize));
    }

    Launch IRunKernel<Launch>.Load<T, TElement, TRun>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<
            ArrayView<float>, ArrayView<T>, Rows<ArrayView<T>>, Rows<ArrayView<T>>, Rows<ArrayView<T>>, int, float, int>(Kernel<T, TElement, TRun>);
        return (stream, config, input, gain, query, key, value, inputSize, epsilon, warpBlocks) => kernel(
            stream,
            config,
            input,
            gain.As<T>(),
            new(query.Weight.As<T>(), query.Output, query.Count),
            new(key.Weight.As<T>(), key.Output, key.Count),
            new(value.Weight.As<T>(), value.Output, value.Count),
            inputSize,
            epsilon,
            warpBlocks);
    }

    internal static void Kernel<T, TElement, TRun>(
        ArrayView<float> input,
        ArrayView<T> gain,
        Rows<ArrayView<T>> query,
        Rows<ArrayView<T>> key,
        Rows<ArrayView<T>> value,
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
        Rows<ArrayView<T>> rows = query;
        if (!share.IsQuery)
        {
            rows = share.IsKey ? key : value;
        }

        WeightRows.Multiply<T, TElement, TRun, ReplaceStore>(rows, share.Group, warpBlocks, normed, inputSize);
    }
}
