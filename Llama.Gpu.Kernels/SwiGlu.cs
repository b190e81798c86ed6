namespace Llama.Gpu.Kernels;

/// <summary>
/// The gate of the MLP: <c>output[i] = silu(gate[i]) * up[i]</c> with <c>silu(x) = x / (1 + exp(-x))</c>. All (T, I) f32;
/// output may be gate or up. Where exp overflows (x below -88) the quotient is -0, as it should be.
/// </summary>
/// <remarks>Shazeer, GLU Variants Improve Transformer (2020).</remarks>
public sealed class SwiGlu
{
    private readonly LaunchShapes _shapes;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, long> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public SwiGlu(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, long>(Kernel);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(int tokenCount, int intermediateSize) =>
        new((long)tokenCount * intermediateSize * 12, (long)tokenCount * intermediateSize * 4);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="gate">(T, I).</param>
    /// <param name="up">(T, I).</param>
    /// <param name="output">(T, I) result; may be <paramref name="gate"/> or <paramref name="up"/>.</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="intermediateSize">I.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> gate,
        ArrayView<float> up,
        ArrayView<float> output,
        int tokenCount,
        int intermediateSize)
    {
        Require.Dimension(tokenCount);
        Require.Dimension(intermediateSize);
        Require.Holds(gate, tokenCount, intermediateSize);
        Require.Holds(up, tokenCount, intermediateSize);
        Require.Holds(output, tokenCount, intermediateSize);
        long count = (long)tokenCount * intermediateSize;
        _kernel(stream, _shapes.Elementwise(count), gate, up, output, count);
    }

    internal static void Kernel(ArrayView<float> gate, ArrayView<float> up, ArrayView<float> output, long count)
    {
        long end = Spread.End(count, Grid.IdxX, Grid.DimX);
        int lanes = Group.DimX;
        for (long i = Spread.First(count, Grid.IdxX, Grid.DimX) + Group.IdxX; i < end; i += lanes)
        {
            output[i] = Gated(gate[i], up[i]);
        }
    }

    /// <summary><c>silu(gate) * up</c>.</summary>
    internal static float Gated(float gate, float up) => gate / (1f + XMath.Exp(-gate)) * up;
}
