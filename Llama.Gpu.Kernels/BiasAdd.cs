namespace Llama.Gpu.Kernels;

/// <summary>
/// Adds a bias to every row, in place: <c>values[t, n] += bias[n]</c>. values (T, N) f32, bias (N) stored.
/// For checkpoints with <c>attention_bias</c> or <c>mlp_bias</c>; the Llama releases have none, so it is no part of the products.
/// </summary>
public sealed class BiasAdd : ITypedKernel<BiasAdd.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public BiasAdd(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(AcceleratorStream stream, KernelConfig config, ArrayView<float> values, WeightView bias, int columns);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int tokenCount, int columns) =>
        new(((long)tokenCount * columns * 8) + ((long)columns * type.ElementSize()), (long)tokenCount * columns);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="values">(T, N), changed in place.</param>
    /// <param name="bias">(N).</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="columns">N.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(AcceleratorStream stream, ArrayView<float> values, WeightView bias, int tokenCount, int columns)
    {
        Require.Dimension(tokenCount);
        Require.Dimension(columns);
        Require.Holds(values, tokenCount, columns);
        Require.IsShaped(bias, columns);
        _kernels[bias.Type](stream, _shapes.RowsByColumns(tokenCount, columns), values, bias, columns);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, int>(Kernel<T, TElement>);
        return (stream, config, values, bias, columns) => kernel(stream, config, values, bias.As<T>(), columns);
    }

    internal static void Kernel<T, TElement>(ArrayView<float> values, ArrayView<T> bias, int columns)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        ArrayView<float> row = values.SubView((long)Grid.IdxX * columns, columns);
        int end = (int)Spread.End(columns, Grid.IdxY, Grid.DimY);
        int lanes = Group.DimX;
        for (int i = (int)Spread.First(columns, Grid.IdxY, Grid.DimY) + Group.IdxX; i < end; i += lanes)
        {
            row[i] += TElement.ToFloat(bias[i]);
        }
    }
}
