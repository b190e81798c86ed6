namespace Llama.Gpu.Kernels;

/// <summary>
/// The largest of V logits, as <see cref="TokenOrder.OfLogit"/> orders them (NaN above all), over many groups: each reduces its block, and
/// one lane of it raises the common maximum. First of the three steps of <see cref="TokenSampling"/>.
/// </summary>
public sealed class LogitPeak
{
    private readonly LaunchShapes _shapes;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<int>, int> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public LogitPeak(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<int>, int>(Kernel);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(int vocabulary) => new(4L * vocabulary, vocabulary);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="logits">(V).</param>
    /// <param name="scratch">Its peak is raised.</param>
    /// <param name="vocabulary">V, at least 1.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or the extent is out of range.</exception>
    public void Run(AcceleratorStream stream, ArrayView<float> logits, in SamplingScratch scratch, int vocabulary)
    {
        Require.Dimension(vocabulary);
        Require.Holds(logits, vocabulary);
        _kernel(stream, _shapes.Elementwise(vocabulary), logits, scratch.Peak, vocabulary);
    }

    internal static void Kernel(ArrayView<float> logits, ArrayView<int> peak, int vocabulary)
    {
        ArrayView<int> largest = SharedMemory.Allocate<int>(1);
        if (Group.IdxX == 0)
        {
            largest[0] = int.MinValue;
        }

        Group.Barrier();
        int end = (int)Spread.End(vocabulary, Grid.IdxX, Grid.DimX);
        int lanes = Group.DimX;
        int own = int.MinValue;
        for (int id = (int)Spread.First(vocabulary, Grid.IdxX, Grid.DimX) + Group.IdxX; id < end; id += lanes)
        {
            own = IntrinsicMath.Max(own, TokenOrder.OfLogit(logits[id]));
        }

        Atomic.Max(ref largest[0], own);
        Group.Barrier();
        if (Group.IdxX == 0)
        {
            Atomic.Max(ref peak[0], largest[0]);
        }
    }
}
