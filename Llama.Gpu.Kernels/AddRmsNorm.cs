namespace Llama.Gpu.Kernels;

/// <summary>
/// <see cref="ResidualAdd"/> and the <see cref="RmsNorm"/> that follows it, in one launch:
/// <c>residual[t, i] += addend[t, i]; output[t, i] = residual[t, i] / sqrt(mean_i(residual[t, i]^2) + epsilon) * weight[i]</c>.
/// residual, addend, output (T, H) f32, weight (H) stored.
/// Saves a launch and one pass over the row; the same sums in the same order, so the same bits as the two.
/// </summary>
public sealed class AddRmsNorm : ITypedKernel<AddRmsNorm.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public AddRmsNorm(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> residual,
        ArrayView<float> addend,
        WeightView weight,
        ArrayView<float> output,
        int hiddenSize,
        float epsilon);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int tokenCount, int hiddenSize) =>
        new(((long)tokenCount * hiddenSize * 16) + ((long)hiddenSize * type.ElementSize()), tokenCount * ((5L * hiddenSize) + 3));

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="residual">(T, H), changed in place.</param>
    /// <param name="addend">(T, H).</param>
    /// <param name="weight">(H).</param>
    /// <param name="output">(T, H) result; must not overlap <paramref name="residual"/>, may be <paramref name="addend"/>.</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="hiddenSize">H.</param>
    /// <param name="epsilon">Added to the mean square; finite, not negative.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or a number is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> residual,
        ArrayView<float> addend,
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

        Require.Holds(residual, tokenCount, hiddenSize);
        Require.Holds(addend, tokenCount, hiddenSize);
        Require.IsShaped(weight, hiddenSize);
        Require.Holds(output, tokenCount, hiddenSize);
        _kernels[weight.Type](stream, _shapes.RowGroups(tokenCount), residual, addend, weight, output, hiddenSize, epsilon);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<T>, ArrayView<float>, int, float>(Kernel<T, TElement>);
        return (stream, config, residual, addend, weight, output, hiddenSize, epsilon) =>
            kernel(stream, config, residual, addend, weight.As<T>(), output, hiddenSize, epsilon);
    }

    internal static void Kernel<T, TElement>(
        ArrayView<float> residual, ArrayView<float> addend, ArrayView<T> weight, ArrayView<float> output, int hiddenSize, float epsilon)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        ArrayView<float> scratch = SharedMemory.Allocate<float>(GroupReduction.MaxWarps);
        ArrayView<float> row = residual.SubView((long)Grid.IdxX * hiddenSize, hiddenSize);
        ArrayView<float> added = addend.SubView((long)Grid.IdxX * hiddenSize, hiddenSize);
        ArrayView<float> target = output.SubView((long)Grid.IdxX * hiddenSize, hiddenSize);
        int lane = Group.IdxX;
        int lanes = Group.DimX;
        float square0 = 0f;
        float square1 = 0f;
        float square2 = 0f;
        float square3 = 0f;
        int whole = hiddenSize & ~3;

        // the order of LaneDot: the sums are those that RmsNorm would form
        for (int k = lane << 2; k < whole; k += lanes << 2)
        {
            float value0 = row[k] + added[k];
            float value1 = row[k + 1] + added[k + 1];
            float value2 = row[k + 2] + added[k + 2];
            float value3 = row[k + 3] + added[k + 3];
            row[k] = value0;
            row[k + 1] = value1;
            row[k + 2] = value2;
            row[k + 3] = value3;
            square0 += value0 * value0;
            square1 += value1 * value1;
            square2 += value2 * value2;
            square3 += value3 * value3;
        }

        for (int k = whole + lane; k < hiddenSize; k += lanes)
        {
            float value = row[k] + added[k];
            row[k] = value;
            square0 += value * value;
        }

        // its barriers also let every lane see what the others stored
        float square = GroupReduction.Reduce<SumReduction>((square0 + square1) + (square2 + square3), scratch);
        float scale = XMath.Rsqrt((square / hiddenSize) + epsilon);
        for (int i = lane; i < hiddenSize; i += lanes)
        {
            target[i] = row[i] * scale * TElement.ToFloat(weight[i]);
        }
    }
}
