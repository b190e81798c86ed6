namespace Llama.Gpu.Kernels;

/// <summary>
/// Singular values of a batch of small square matrices, by one-sided Jacobi: pairs of columns are turned in their plane until all
/// columns are orthogonal; their lengths are the singular values. matrices (count, n, n) f64; values (count, n) f64, in no
/// order.
/// A group takes a matrix. Half of the columns meet the other half, one pair a lane, so that neighbouring lanes read neighbouring
/// elements and no sum goes over lanes. Turned columns are stored swapped and the halves meet one apart in every second round: after n
/// rounds each pair has met once (odd-even transposition), with every round in place. Behind each half stand columns of zeros, up to
/// whole vectors of pairs.
/// </summary>
/// <remarks>
/// Hestenes (1958); the bound below is Drmač's: where all cosines between columns are below t, each value's relative error is below about
/// n t, however small the value. Rows of R, as <see cref="HeadTriangles"/> gives them as columns, need fewer sweeps than columns of R
/// (Drmač and Veselić, New fast and accurate Jacobi SVD algorithm, 2008).
/// </remarks>
public sealed class SingularValues
{
    // ten or less are the rule; one that has not converged after so many is reported as NaN
    private const int MaxSweeps = 40;
    private const double Orthogonal = 1e-10;

    // products below it come from rounding alone
    private const double Negligible = 1e-280;

    private readonly LaunchShapes _shapes;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<double>, ArrayView<double>, ArrayView<double>, int> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public SingularValues(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<ArrayView<double>, ArrayView<double>, ArrayView<double>, int>(Kernel);
    }

    /// <summary>Bytes and operations of one run, with as many sweeps as random matrices take.</summary>
    public static Cost CostOf(int count, int size)
    {
        const int Sweeps = 8;
        return new(8L * count * size * (size + 1), 6L * Sweeps * count * size * size * size);
    }

    /// <summary>Elements of memory that a run works in.</summary>
    public static long WorkLength(int count, int size) => (long)count * size * WorkStride(size);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="matrices">(count, n, <see cref="SquareMatrices.Stride"/>).</param>
    /// <param name="work"><see cref="WorkLength"/> elements, overwritten.</param>
    /// <param name="values">(count, n) result; NaN for a matrix with an element that is not finite.</param>
    /// <param name="count">Matrices, at least 1.</param>
    /// <param name="size">n.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream, ArrayView<double> matrices, ArrayView<double> work, ArrayView<double> values, int count, int size)
    {
        Require.Dimension(count);
        Require.Dimension(size);
        Require.Holds(matrices, SquareMatrices.Length(count, size));
        Require.Holds(work, WorkLength(count, size));
        Require.Holds(values, count, size);
        _kernel(stream, new KernelConfig(count, 1, 1, _shapes.ProductLanes, 1, 1), matrices, work, values, size);
    }

    internal static void Kernel(ArrayView<double> matrices, ArrayView<double> work, ArrayView<double> values, int size)
    {
        ArrayView<int> turned = SharedMemory.Allocate<int>(1);
        int stride = WorkStride(size);
        int lane = Group.IdxX;
        int lanes = Group.DimX;
        int half = (size + 1) >> 1;
        int secondHalf = SecondHalf(size);
        ArrayView<double> matrix = work.SubView((long)Grid.IdxX * size * stride, (long)size * stride);
        Bring(matrices, matrix, size, half, secondHalf, stride);
        Group.Barrier();
        int more = 1;
        for (int sweep = 0; sweep < MaxSweeps && more != 0; sweep++)
        {
            if (lane == 0)
            {
                turned[0] = 0;
            }

            Group.Barrier();
            int turnedHere = 0;
            for (int round = 0; round < size; round++)
            {
                // the first half with the second, then the second with the first but for its first column
                int odd = round & 1;
                int first = odd == 0 ? 0 : secondHalf;
                int second = odd == 0 ? secondHalf : 1;
                int pairs = (size - odd) >> 1;
                for (int pair = lane; pair < SquareMatrices.PaddedColumns(pairs); pair += lanes)
                {
                    turnedHere |= Turn(matrix, first + pair, second + pair, size, stride, pair < pairs);
                }

                Group.Barrier();
            }

            Atomic.Or(ref turned[0], turnedHere);
            Group.Barrier();
            more = turned[0];
            Group.Barrier();
        }

        for (int column = lane; column < size; column += lanes)
        {
            int at = column < half ? column : secondHalf + column - half;
            double squares = 0;
            for (int row = 0; row < size; row++)
            {
                double x = matrix[(row * stride) + at];
                squares = MultiplyAdd.Of(x, x, squares);
            }

            values[((long)Grid.IdxX * size) + column] = more == 0 ? XMath.Sqrt(squares) : double.NaN;
        }
    }

    /// <summary>Where the second half of the columns begins: behind it the first half may be met one apart.</summary>
    private static int SecondHalf(int size) => SquareMatrices.PaddedColumns((size + 1) >> 1) + SquareMatrices.Lanes;

    // an odd number of cache lines, so that a column's elements do not meet in a few sets of a cache
    private static int WorkStride(int size) => SecondHalf(size) + SquareMatrices.PaddedColumns((size + 1) >> 1) + SquareMatrices.Line;

    /// <summary>Copies a matrix in halves, with zeros behind each.</summary>
    private static void Bring(
        ArrayView<double> matrices, ArrayView<double> matrix, int size, int half, int secondHalf, int stride)
    {
        int from = SquareMatrices.Stride(size);
        ArrayView<double> source = matrices.SubView((long)Grid.IdxX * size * from, (long)size * from);
        for (int row = 0; row < size; row++)
        {
            for (int at = Group.IdxX; at < stride; at += Group.DimX)
            {
                int column = at < secondHalf ? at : half + at - secondHalf;
                bool isThere = at < secondHalf ? at < half : column < size;
                matrix[(row * stride) + at] = isThere ? source[(row * from) + column] : 0;
            }
        }
    }

    /// <summary>Makes two columns orthogonal and swaps them, where they are a pair; 1 where they were not orthogonal before.</summary>
    private static int Turn(ArrayView<double> matrix, int first, int second, int size, int stride, bool isPair)
    {
        double a = 0;
        double b = 0;
        double product = 0;
        for (int row = 0; row < size; row++)
        {
            double p = matrix[(row * stride) + first];
            double q = matrix[(row * stride) + second];
            a = MultiplyAdd.Of(p, p, a);
            b = MultiplyAdd.Of(q, q, b);
            product = MultiplyAdd.Of(p, q, product);
        }

        bool turns = XMath.Abs(product) > Negligible && XMath.Abs(product) > Orthogonal * XMath.Sqrt(a * b);
        double cotangent = (b - a) / (2 * product);
        double tangent = 1 / (XMath.Abs(cotangent) + XMath.Sqrt(1 + (cotangent * cotangent)));
        tangent = turns ? (cotangent < 0 ? -tangent : tangent) : 0;
        double cosine = 1 / XMath.Sqrt(1 + (tangent * tangent));
        double sine = isPair ? cosine * tangent : 1;
        cosine = isPair ? cosine : 0;
        for (int row = 0; row < size; row++)
        {
            double p = matrix[(row * stride) + first];
            double q = matrix[(row * stride) + second];
            matrix[(row * stride) + second] = (cosine * p) - (sine * q);
            matrix[(row * stride) + first] = (sine * p) + (cosine * q);
        }

        return turns && isPair ? 1 : 0;
    }
}
