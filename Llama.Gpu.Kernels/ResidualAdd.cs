namespace Llama.Gpu.Kernels;

/// <summary>Adds a layer's output to the residual stream, in place: <c>residual[i] += addend[i]</c>. Both (T, H) f32.</summary>
public sealed class ResidualAdd
{
    private readonly LaunchShapes _shapes;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, long> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public ResidualAdd(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, long>(Kernel);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(int tokenCount, int hiddenSize) => new((long)tokenCount * hiddenSize * 12, (long)tokenCount * hiddenSize);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="residual">(T, H), changed in place.</param>
    /// <param name="addend">(T, H).</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="hiddenSize">H.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(AcceleratorStream stream, ArrayView<float> residual, ArrayView<float> addend, int tokenCount, int hiddenSize)
    {
        Require.Dimension(tokenCount);
        Require.Dimension(hiddenSize);
        Require.Holds(residual, tokenCount, hiddenSize);
        Require.Holds(addend, tokenCount, hiddenSize);
        long count = (long)tokenCount * hiddenSize;
        _kernel(stream, _shapes.Elementwise(count), residual, addend, count);
    }

    internal static void Kernel(ArrayView<float> residual, ArrayView<float> addend, long count)
    {
        long end = Spread.End(count, Grid.IdxX, Grid.DimX);
        int lanes = Group.DimX;
        for (long i = Spread.First(count, Grid.IdxX, Grid.DimX) + Group.IdxX; i < end; i += lanes)
        {
            residual[i] += addend[i];
        }
    }
}
