namespace Llama.Gpu.Kernels;

/// <summary>
/// The first half of the MLP of one token in one launch: <c>output[i] = silu(gate[i]) * up[i]</c> with <c>gate = Wg n</c>,
/// <c>up = Wu n</c>, <c>n = x * gain / sqrt(mean(x^2) + epsilon)</c> and <c>silu(z) = z / (1 + exp(-z))</c>.
/// x (K) f32, gain (K) stored, weights (N, K) stored, output (N) f32. In place of an <see cref="RmsNorm"/>, two
/// <see cref="MatVec"/> and a <see cref="SwiGlu"/>; each group normalizes x for itself, as in <see cref="QkvProjection"/>.
/// SwiGLU: Shazeer 2020, "GLU Variants Improve Transformer".
/// </summary>
public sealed class GateUpProjection : IRunKernel<GateUpProjection.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly int _warpSize;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public GateUpProjection(Accelerator accelerator, LaunchShapes? shapes = null)
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
        WeightView gateWeight,
        WeightView upWeight,
        ArrayView<float> output,
        int outputSize,
        int inputSize,
        float epsilon,
        int warpBlocks);

    LaunchShapes IRunKernel<Launch>.Shapes => _shapes;

    // a group's products with both weights
    private int ProductLength => 2 * _shapes.MostGroupRows(_warpSize);

    /// <summary>Bytes and operations of one run; an exponential counts as one.</summary>
    public static Cost CostOf(TensorType type, int outputSize, int inputSize)
    {
        long weights = ((2L * outputSize) + 1) * inputSize * type.ElementSize();
        return new(weights + (4L * inputSize) + (4L * outputSize), (4L * outputSize * inputSize) + (4L * inputSize) + (4L * outputSize));
    }

    /// <summary>Whether a group has shared memory for a normalized input of this size.</summary>
    public bool Takes(int inputSize) => _shapes.HoldsNormed(inputSize, ProductLength);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(K).</param>
    /// <param name="gain">(K), of the weights' type.</param>
    /// <param name="gateWeight">(N, K).</param>
    /// <param name="upWeight">(N, K), of the same type.</param>
    /// <param name="output">(N) result; must not overlap <paramref name="input"/>.</param>
    /// <param name="outputSize">N.</param>
    /// <param name="inputSize">K.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <exception cref="ArgumentException">A view does not have its shape or type, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> input,
        WeightView gain,
        WeightView gateWeight,
        WeightView upWeight,
        ArrayView<float> output,
        int outputSize,
        int inputSize,
        float epsilon)
    {
        Require.Dimension(outputSize);
        _shapes.RequireNormed(input, gain, gateWeight.Type, inputSize, ProductLength);
        Require.IsShaped(gateWeight, outputSize, inputSize);
        Require.IsShaped(upWeight, outputSize, inputSize);
        Require.SameType(upWeight, gateWeight.Type);
        Require.Holds(output, outputSize);
        var config = _shapes.NormedRows([outputSize], inputSize, _warpSize, ProductLength);
        _kernels[gateWeight.Type](
            stream, config, input, gain, gateWeight, upWeight, output, outputSize, inputSize, epsilon, _shapes.WarpBlocksFor(outputSize, _warpSize));
    }

    Launch IRunKernel<Launch>.Load<T, TElement, TRun>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<
            ArrayView<float>, ArrayView<T>, ArrayView<T>, ArrayView<T>, ArrayView<float>, int, int, float, int>(Kernel<T, TElement, TRun>);
        return (stream, config, input, gain, gateWeight, upWeight, output, outputSize, inputSize, epsilon, warpBlocks) => kernel(
            stream, config, input, gain.As<T>(), gateWeight.As<T>(), upWeight.As<T>(), output, outputSize, inputSize, epsilon, warpBlocks);
    }

    internal static void Kernel<T, TElement, TRun>(
        ArrayView<float> input,
        ArrayView<T> gain,
        ArrayView<T> gateWeight,
        ArrayView<T> upWeight,
        ArrayView<float> output,
        int outputSize,
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
        int groupRows = Share.GroupRows(warpBlocks);
        int first = Grid.IdxX * groupRows;
        int count = IntrinsicMath.Min(groupRows, outputSize - first);
        ArrayView<float> gates = normed.SubView(inputSize, groupRows);
        ArrayView<float> ups = normed.SubView(inputSize + groupRows, groupRows);
        Share share = Share.Of(outputSize, Grid.IdxX, warpBlocks);
        for (int i = 0; i < share.Blocks; i++)
        {
            int row = share.Row(i);
            Float8 products = WeightRows.Dot<T, TElement, TRun>(
                RowStreams<T>.Of(gateWeight, row, share.Stride, outputSize, inputSize),
                RowStreams<T>.Of(upWeight, row, share.Stride, outputSize, inputSize),
                normed,
                inputSize);
            if (Warp.IsFirstLane)
            {
                Keep(gates, row - first, share.Stride, products.Low);
                Keep(ups, row - first, share.Stride, products.High);
            }
        }

        // all together, since by one lane a row's exponential would cost as much as a piece of the row
        Group.Barrier();
        for (int i = Group.IdxX; i < count; i += Group.DimX)
        {
            output[first + i] = SwiGlu.Gated(gates[i], ups[i]);
        }
    }

    // all four: there is room for as many rows as a group has at most
    private static void Keep(ArrayView<float> products, int row, int stride, Float4 values)
    {
        products[row] = values.X;
        products[row + stride] = values.Y;
        products[row + (2 * stride)] = values.Z;
        products[row + (3 * stride)] = values.W;
    }
}
