namespace Llama.Gpu.Kernels;

/// <summary>
/// Reduces each head's slice to a matrix of head dim x head dim with the same singular values: <c>slice^T = Q R</c>, of which
/// <c>R^T</c> is kept. slice (n, K) stored, R^T (n, n) f64, lower triangular.
/// A group takes a head. R stands in device memory and takes in the slice 16 elements of its vectors at a time: a block of 16 x n in
/// shared memory is wiped out column by column by Householder reflections between the block and a row of R. Lanes take columns, so
/// that a reflection needs no sum over lanes, and the block is read from shared memory as often as there are columns.
/// </summary>
/// <remarks>
/// Reflections keep what multiplying the slice with its transpose would lose, half of the digits. They are computed in f64: in f32,
/// singular values below about 1e-5 of the largest would be rounding alone. Golub and Van Loan, Matrix Computations (4th ed.), 5.1 and
/// 5.2; taking in blocks of rows is the sequential TSQR of Demmel, Grigori, Hoemmen and Langou (2012).
/// </remarks>
public sealed class HeadTriangles : ITypedKernel<HeadTriangles.Launch>
{
    // what is worth its barriers, and fits into the first cache of a processor beside the row of R
    private const int MostRows = 16;

    // the diagonal stands apart, twice: it is read by every lane of a step in which one writes it
    private const int DiagonalRows = 2;

    // squares below it come from rounding alone, and their reciprocals might be infinite
    private const double Negligible = 1e-280;

    private readonly LaunchShapes _shapes;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public HeadTriangles(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream, KernelConfig config, WeightView weight, HeadSlices slices, ArrayView<double> triangles, int rows);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, HeadSlices slices) =>
        new(
            (slices.ElementCount * type.ElementSize()) + (8L * slices.Count * slices.Width * slices.Width),
            2 * slices.ElementCount * slices.Width);

    /// <summary>The widest head of which a block of one row fits into the device's shared memory.</summary>
    public int MaxWidth => SquareMatrices.MaxSize(_shapes.SharedBytes / ((DiagonalRows + 1) * sizeof(double)));

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="weight">The projection's weight.</param>
    /// <param name="slices">Where its heads lie.</param>
    /// <param name="triangles">(heads, n, <see cref="SquareMatrices.Stride"/>) result: R^T of each head.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or heads are wider than <see cref="MaxWidth"/>.</exception>
    public void Run(AcceleratorStream stream, WeightView weight, HeadSlices slices, ArrayView<double> triangles)
    {
        Require.Dimension(slices.Count);
        Require.Dimension(slices.Width);
        Require.Dimension(slices.Length);
        Require.IsShaped(weight, slices.ElementCount);
        if (slices.Width > MaxWidth)
        {
            throw new ArgumentException($"expected heads of at most {MaxWidth} vectors, found {slices.Width}", nameof(slices));
        }

        Require.Holds(triangles, SquareMatrices.Length(slices.Count, slices.Width));
        int rowLength = SquareMatrices.Stride(slices.Width);
        int rows = IntrinsicMath.Min(MostRows, (_shapes.SharedBytes / (rowLength * sizeof(double))) - DiagonalRows);
        var config = new KernelConfig(
            new Index1D(slices.Count),
            new Index1D(_shapes.ProductLanes),
            SharedMemoryConfig.RequestDynamic<double>((rows + DiagonalRows) * rowLength));
        _kernels[weight.Type](stream, config, weight, slices, triangles, rows);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<ArrayView<T>, HeadSlices, ArrayView<double>, int>(Kernel<T, TElement>);
        return (stream, config, weight, slices, triangles, rows) => kernel(stream, config, weight.As<T>(), slices, triangles, rows);
    }

    internal static void Kernel<T, TElement>(ArrayView<T> weight, HeadSlices slices, ArrayView<double> triangles, int rows)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        int n = slices.Width;
        int stride = SquareMatrices.Stride(n);
        ArrayView<double> block = SharedMemory.GetDynamic<double>();
        ArrayView<double> before = block.SubView(rows * stride, stride);
        ArrayView<double> after = block.SubView((rows + 1) * stride, stride);
        ArrayView<double> triangle = triangles.SubView((long)Grid.IdxX * n * stride, (long)n * stride);
        Clear(triangle, n * stride);
        Clear(block, (rows + DiagonalRows) * stride);
        Group.Barrier();
        for (int first = 0; first < slices.Length; first += rows)
        {
            Stage<T, TElement>(weight, Grid.IdxX * slices.HeadStride, slices, first, rows, block, stride);
            Group.Barrier();
            for (int j = 0; j < n; j++)
            {
                double squares = 0;
                for (int r = 0; r < rows; r++)
                {
                    double x = block[(r * stride) + j];
                    squares = MultiplyAdd.Of(x, x, squares);
                }

                // H = 1 + g v v^T with v = (top, the block's column j) turns (diagonal, column j) into (reflected, 0)
                double diagonal = before[j];
                double norm = XMath.Sqrt(MultiplyAdd.Of(diagonal, diagonal, squares));
                bool reflects = squares > Negligible;
                double reflected = reflects ? (diagonal > 0 ? -norm : norm) : diagonal;
                double top = diagonal - reflected;
                double g = (reflects ? 1 : 0) / (reflects ? reflected * top : 1);
                for (int k = (j & -SquareMatrices.Lanes) + Group.IdxX; k < SquareMatrices.PaddedColumns(n); k += Group.DimX)
                {
                    after[k] = k == j ? reflected : after[k];
                    Reflect(triangle.SubView(j * stride, stride), block, rows, j, k, stride, top, k > j ? g : 0);
                }

                Group.Barrier();
            }

            (before, after) = (after, before);
        }

        Transpose(triangle, before, n, stride);
    }

    /// <summary>Applies the reflection of column j to column k; where g is 0, the column stays as it is.</summary>
    private static void Reflect(ArrayView<double> row, ArrayView<double> block, int rows, int j, int k, int stride, double top, double g)
    {
        double product = top * row[k];
        for (int r = 0; r < rows; r++)
        {
            product = MultiplyAdd.Of(block[(r * stride) + j], block[(r * stride) + k], product);
        }

        double factor = g * product;
        row[k] = MultiplyAdd.Of(factor, top, row[k]);
        for (int r = 0; r < rows; r++)
        {
            block[(r * stride) + k] = MultiplyAdd.Of(factor, block[(r * stride) + j], block[(r * stride) + k]);
        }
    }

    /// <summary>Brings the next elements of every vector into shared memory; past the last stand zeros.</summary>
    private static void Stage<T, TElement>(
        ArrayView<T> weight, long head, HeadSlices slices, int first, int rows, ArrayView<double> block, int stride)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        for (int r = 0; r < rows; r++)
        {
            bool isThere = first + r < slices.Length;
            long element = head + (IntrinsicMath.Min(first + r, slices.Length - 1) * slices.ElementStride);
            for (int k = Group.IdxX; k < slices.Width; k += Group.DimX)
            {
                float value = TElement.ToFloat(weight[element + (k * slices.VectorStride)]);
                block[(r * stride) + k] = isThere ? value : 0;
            }
        }
    }

    private static void Clear(ArrayView<double> elements, int count)
    {
        for (int i = Group.IdxX; i < count; i += Group.DimX)
        {
            elements[i] = 0;
        }
    }

    /// <summary>R becomes R^T where it stands, with its diagonal, which stood apart.</summary>
    private static void Transpose(ArrayView<double> triangle, ArrayView<double> diagonal, int n, int stride)
    {
        for (int i = 0; i < n; i++)
        {
            for (int k = i + Group.IdxX; k < n; k += Group.DimX)
            {
                double element = triangle[(i * stride) + k];
                triangle[(i * stride) + k] = 0;
                triangle[(k * stride) + i] = k == i ? diagonal[i] : element;
            }
        }
    }
}
