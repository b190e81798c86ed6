namespace Llama.Gpu.Kernels;

/// <summary>
/// Matrix-vector product: <c>output[n] = sum_k weight[n, k] * input[k]</c>. weight (N, K) stored, input (K), output (N) f32.
/// What decoding one token is made of, and bound by the bandwidth of the weights: a warp takes four rows, of which its lanes read
/// contiguous stretches, each weight once.
/// </summary>
public sealed class MatVec : IRunKernel<MatVec.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly int _warpSize;
    private readonly KernelByType<Launch> _kernels;
    private readonly KernelByType<Launch> _addingKernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public MatVec(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _warpSize = accelerator.WarpSize;
        _kernels = new(accelerator, this);
        _addingKernels = new(accelerator, new Adding(_shapes));
    }

    internal delegate void Launch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> input,
        WeightView weight,
        ArrayView<float> output,
        int outputSize,
        int inputSize,
        int warpBlocks);

    LaunchShapes IRunKernel<Launch>.Shapes => _shapes;

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int outputSize, int inputSize) =>
        new(((long)outputSize * inputSize * type.ElementSize()) + (4L * inputSize) + (4L * outputSize), 2L * outputSize * inputSize);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(K).</param>
    /// <param name="weight">(N, K).</param>
    /// <param name="output">(N) result; must not overlap <paramref name="input"/>.</param>
    /// <param name="outputSize">N.</param>
    /// <param name="inputSize">K.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream, ArrayView<float> input, WeightView weight, ArrayView<float> output, int outputSize, int inputSize) =>
        Run(_kernels, stream, input, weight, output, outputSize, inputSize);

    /// <summary>Starts the operation with the result added to what is there: <c>output[n] += sum_k weight[n, k] * input[k]</c>.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(K).</param>
    /// <param name="weight">(N, K).</param>
    /// <param name="output">(N) what is added to; must not overlap <paramref name="input"/>.</param>
    /// <param name="outputSize">N.</param>
    /// <param name="inputSize">K.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void RunAdd(
        AcceleratorStream stream, ArrayView<float> input, WeightView weight, ArrayView<float> output, int outputSize, int inputSize) =>
        Run(_addingKernels, stream, input, weight, output, outputSize, inputSize);

    Launch IRunKernel<Launch>.Load<T, TElement, TRun>(Accelerator accelerator) => Load<T, TElement, TRun, ReplaceStore>(accelerator);

    internal static void Kernel<T, TElement, TRun, TStore>(
        ArrayView<float> input, ArrayView<T> weight, ArrayView<float> output, int outputSize, int inputSize, int warpBlocks)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
        where TStore : struct, IRowStore
    {
        var rows = new Rows<ArrayView<T>>(weight, output, outputSize);
        WeightRows.Multiply<T, TElement, TRun, TStore>(rows, Grid.IdxX, warpBlocks, input, inputSize);
    }

    private static Launch Load<T, TElement, TRun, TStore>(Accelerator accelerator)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
        where TStore : struct, IRowStore
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, int, int, int>(Kernel<T, TElement, TRun, TStore>);
        return (stream, config, input, weight, output, outputSize, inputSize, warpBlocks) =>
            kernel(stream, config, input, weight.As<T>(), output, outputSize, inputSize, warpBlocks);
    }

    private void Run(
        KernelByType<Launch> kernels,
        AcceleratorStream stream,
        ArrayView<float> input,
        WeightView weight,
        ArrayView<float> output,
        int outputSize,
        int inputSize)
    {
        Require.Dimension(outputSize);
        Require.Dimension(inputSize);
        Require.Holds(input, inputSize);
        Require.IsShaped(weight, outputSize, inputSize);
        Require.Holds(output, outputSize);
        var config = _shapes.FourRowsPerWarp(outputSize, _warpSize);
        kernels[weight.Type](stream, config, input, weight, output, outputSize, inputSize, _shapes.WarpBlocksFor(outputSize, _warpSize));
    }

    // the kernels that add
    private sealed class Adding(LaunchShapes shapes) : IRunKernel<Launch>
    {
        public LaunchShapes Shapes => shapes;

        public Launch Load<T, TElement, TRun>(Accelerator accelerator)
            where T : unmanaged
            where TElement : struct, IElement<T>
            where TRun : struct, ILaneRun => MatVec.Load<T, TElement, TRun, AddStore>(accelerator);
    }
}
