namespace Llama.Gpu.Kernels;

/// <summary>
/// Matrix-vector product: <c>output[n] = sum_k weight[n, k] * input[k]</c>. weight (N, K) stored, input (K), output (N) f32.
/// What decoding one token is made of, and bound by the bandwidth of the weights: a warp takes a row, so that its lanes read
/// a contiguous stretch, each weight once.
/// </summary>
public sealed class MatVec : ITypedKernel<MatVec.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly int _warpSize;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public MatVec(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _warpSize = accelerator.WarpSize;
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> input,
        WeightView weight,
        ArrayView<float> output,
        int outputSize,
        int inputSize,
        int warpRows);

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
        AcceleratorStream stream, ArrayView<float> input, WeightView weight, ArrayView<float> output, int outputSize, int inputSize)
    {
        Require.Dimension(outputSize);
        Require.Dimension(inputSize);
        Require.Holds(input, inputSize);
        Require.IsShaped(weight, outputSize, inputSize);
        Require.Holds(output, outputSize);
        var config = _shapes.WarpPerOutput(outputSize, _warpSize);
        _kernels[weight.Type](stream, config, input, weight, output, outputSize, inputSize, _shapes.WarpRows);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, int, int, int>(Kernel<T, TElement>);
        return (stream, config, input, weight, output, outputSize, inputSize, warpRows) =>
            kernel(stream, config, input, weight.As<T>(), output, outputSize, inputSize, warpRows);
    }

    internal static void Kernel<T, TElement>(
        ArrayView<float> input, ArrayView<T> weight, ArrayView<float> output, int outputSize, int inputSize, int warpRows)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        int lane = Warp.LaneIdx;
        int lanes = WarpReduction.LaneCount();
        int warp = Warp.WarpIdx;
        int warps = IntrinsicMath.DivRoundUp(Group.DimX, Warp.WarpSize);
        int first = Grid.IdxX * warps * warpRows;

        // The bound is the group's, not the warp's: warps past the last row shuffle along and store nothing.
        for (int i = 0; i < warpRows && first + (i * warps) < outputSize; i++)
        {
            int row = first + (i * warps) + warp;
            int readable = IntrinsicMath.Min(row, outputSize - 1);
            ArrayView<T> weights = weight.SubView((long)readable * inputSize, inputSize);
            float sum = LaneDot.Partial<T, TElement>(weights, input, inputSize, lane, lanes);
            sum = WarpReduction.Reduce<SumReduction>(sum);
            if (lane == 0 && row < outputSize)
            {
                output[row] = sum;
            }
        }
    }
}
