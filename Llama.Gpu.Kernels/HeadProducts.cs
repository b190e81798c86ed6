namespace Llama.Gpu.Kernels;

/// <summary>
/// What of the products <c>W_q^T W_k</c> and <c>W_o W_v</c> of a head has their singular values, from the triangles of the factors
/// (<see cref="HeadTriangles"/>): with slices <c>A^T = Q_a R_a</c> and <c>B^T = Q_b R_b</c> it is <c>R_a R_b^T</c>, head dim x head dim,
/// where the products themselves are hidden x hidden. Triangles and product (n, n) f64.
/// A group takes a head, lanes take columns.
/// </summary>
public sealed class HeadProducts
{
    private readonly LaunchShapes _shapes;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<double>, ArrayView<double>, ArrayView<double>, int, int> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public HeadProducts(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<ArrayView<double>, ArrayView<double>, ArrayView<double>, int, int>(Kernel);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(int heads, int keyValueHeads, int headDim) =>
        new(8L * headDim * headDim * ((2L * heads) + keyValueHeads), 2L * heads * headDim * headDim * headDim);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="first">(heads, n, <see cref="SquareMatrices.Stride"/>): R^T of the queries or of the output projection.</param>
    /// <param name="second">(KV heads, n, stride): R^T of the keys or values, each for as many heads as share it.</param>
    /// <param name="products">(heads, n, stride) result.</param>
    /// <param name="heads">A multiple of <paramref name="keyValueHeads"/>.</param>
    /// <param name="keyValueHeads">At least 1.</param>
    /// <param name="headDim">n.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<double> first,
        ArrayView<double> second,
        ArrayView<double> products,
        int heads,
        int keyValueHeads,
        int headDim)
    {
        Require.Dimension(heads);
        Require.Dimension(keyValueHeads);
        Require.Dimension(headDim);
        if (heads % keyValueHeads != 0)
        {
            throw new ArgumentException($"expected a multiple of the {keyValueHeads} KV heads, found {heads}", nameof(heads));
        }

        Require.Holds(first, SquareMatrices.Length(heads, headDim));
        Require.Holds(second, SquareMatrices.Length(keyValueHeads, headDim));
        Require.Holds(products, SquareMatrices.Length(heads, headDim));
        var config = new KernelConfig(heads, 1, 1, _shapes.ProductLanes, 1, 1);
        _kernel(stream, config, first, second, products, heads / keyValueHeads, headDim);
    }

    internal static void Kernel(
        ArrayView<double> first, ArrayView<double> second, ArrayView<double> products, int headsPerKeyValue, int headDim)
    {
        int stride = SquareMatrices.Stride(headDim);
        long length = (long)headDim * stride;
        ArrayView<double> a = first.SubView(Grid.IdxX * length, length);
        ArrayView<double> b = second.SubView(Grid.IdxX / headsPerKeyValue * length, length);
        ArrayView<double> product = products.SubView(Grid.IdxX * length, length);
        for (int i = 0; i < headDim; i++)
        {
            for (int j = Group.IdxX; j < headDim; j += Group.DimX)
            {
                // both factors are zero above
                double sum = 0;
                for (int k = i; k < headDim; k++)
                {
                    sum = MultiplyAdd.Of(a[(k * stride) + i], b[(k * stride) + j], sum);
                }

                product[(i * stride) + j] = sum;
            }
        }
    }
}
