namespace Llama.Gpu.Kernels;

/// <summary>
/// Root-mean-square normalization: <c>output[t, i] = input[t, i] / sqrt(mean_i(input[t, i]^2) + epsilon) * weight[i]</c>.
/// input, output (T, H) f32, weight (H) stored. Output may be input.
/// A group takes a row: one reduction, and the row is read twice, the second time from the cache.
/// </summary>
/// <remarks>Zhang and Sennrich, Root Mean Square Layer Normalization (2019), without the bias, as Llama uses it.</remarks>
public sealed class RmsNorm : ITypedKernel<RmsNorm.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public RmsNorm(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> input,
        WeightView weight,
        ArrayView<float> output,
        int hiddenSize,
        float epsilon);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int tokenCount, int hiddenSize) =>
        new(((long)tokenCount * hiddenSize * 8) + ((long)hiddenSize * type.ElementSize()), tokenCount * ((4L * hiddenSize) + 3));

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(T, H).</param>
    /// <param name="weight">(H).</param>
    /// <param name="output">(T, H) result; may be <paramref name="input"/>.</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="hiddenSize">H.</param>
    /// <param name="epsilon">Added to the mean square; finite, not negative.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or a number is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> input,
        WeightView weight,
        ArrayView<float> output,
        int tokenCount,
        int hiddenSize,
        float epsilon)
    {
        Require.Dimension(tokenCount);
        Require.Dimension(hiddenSize);
        if (!float.IsFinite(epsilon) || epsilon < 0f)
        {
            throw new ArgumentException($"expected a finite number, 0 or more, found {epsilon}", nameof(epsilon));
        }

        Require.Holds(input, tokenCount, hiddenSize);
        Require.IsShaped(weight, hiddenSize);
        Require.Holds(output, tokenCount, hiddenSize);
        _kernels[weight.Type](stream, _shapes.RowGroups(tokenCount), input, weight, output, hiddenSize, epsilon);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, int, float>(Kernel<T, TElement>);
        return (stream, config, input, weight, output, hiddenSize, epsilon) =>
            kernel(stream, config, input, weight.As<T>(), output, hiddenSize, epsilon);
    }

    internal static void Kernel<T, TElement>(
        ArrayView<float> input, ArrayView<T> weight, ArrayView<float> output, int hiddenSize, float epsilon)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        ArrayView<float> source = input.SubView((long)Grid.IdxX * hiddenSize, hiddenSize);
        ArrayView<float> target = output.SubView((long)Grid.IdxX * hiddenSize, hiddenSize);
        RowNorm.Apply<T, TElement>(source, weight, target, hiddenSize, epsilon);
    }
}
