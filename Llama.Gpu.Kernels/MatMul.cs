namespace Llama.Gpu.Kernels;

/// <summary>
/// Matrix product with a weight: <c>output[t, n] = sum_k input[t, k] * weight[n, k]</c>.
/// input (T, K) f32, weight (N, K) stored, output (T, N) f32: both operands have the inner dimension fastest, as checkpoints
/// store weights. A group computes a tile of the output: it brings a slice of both operands into shared memory as f32, four
/// rows in one element, and each lane multiplies four rows with four columns out of it, so that an element fetched once from
/// shared memory is used sixteen times. Sixteen sums in named variables are registers under any compiler.
/// </summary>
public sealed partial class MatMul : ITypedKernel<MatMul.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public MatMul(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream, ArrayView<float> input, WeightView weight, ArrayView<float> output, int rows, int columns, int innerSize);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int tokenCount, int outputSize, int inputSize) =>
        new(
            ((long)outputSize * inputSize * type.ElementSize()) + (4L * tokenCount * ((long)inputSize + outputSize)),
            2L * tokenCount * outputSize * inputSize);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(T, K).</param>
    /// <param name="weight">(N, K).</param>
    /// <param name="output">(T, N) result; must not overlap <paramref name="input"/>.</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="outputSize">N.</param>
    /// <param name="inputSize">K.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> input,
        WeightView weight,
        ArrayView<float> output,
        int tokenCount,
        int outputSize,
        int inputSize)
    {
        Require.Dimension(tokenCount);
        Require.Dimension(outputSize);
        Require.Dimension(inputSize);
        Require.Holds(input, tokenCount, inputSize);
        Require.IsShaped(weight, outputSize, inputSize);
        Require.Holds(output, tokenCount, outputSize);
        _kernels[weight.Type](stream, input, weight, output, tokenCount, outputSize, inputSize);
    }

    // in the folder TensorCores, which a build against ILGPU leaves out
    static partial void LoadTensorCores<T>(Accelerator accelerator, LaunchShapes shapes, ref Launch? launch)
        where T : unmanaged;

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        Launch? launch = null;
        LoadTensorCores<T>(accelerator, _shapes, ref launch);
        return launch ?? _shapes.Tile switch
        {
            MatMulTile.OneLane => LoadTile<T, TElement, OneLaneTile>(accelerator),
            MatMulTile.Small => LoadTile<T, TElement, SmallTile>(accelerator),
            _ => LoadTile<T, TElement, WideTile>(accelerator),
        };
    }

    private static Launch LoadTile<T, TElement, TTile>(Accelerator accelerator)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IMatMulTile
    {
        int tileRows = TTile.RowGroups << 2;
        int tileColumns = 4 << TTile.ColumnGroupShift;
        int lanes = TTile.RowGroups << TTile.ColumnGroupShift;
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, int, int, int>(Kernel<T, TElement, TTile>);
        return (stream, input, weight, output, rows, columns, innerSize) =>
        {
            int across = IntrinsicMath.DivRoundUp(columns, tileColumns);
            int down = IntrinsicMath.DivRoundUp(rows, tileRows);
            kernel(stream, new KernelConfig(across, down, 1, lanes, 1, 1), input, weight.As<T>(), output, rows, columns, innerSize);
        };
    }

    internal static void Kernel<T, TElement, TTile>(
        ArrayView<float> input, ArrayView<T> weight, ArrayView<float> output, int rows, int columns, int innerSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IMatMulTile
    {
        // One element of padding a row: lanes that store neighbouring depths then hit different banks.
        int rowStride = TTile.RowGroups + 1;
        int columnStride = (1 << TTile.ColumnGroupShift) + 1;
        ArrayView<Float4> inputTile = SharedMemory.Allocate<Float4>((TTile.RowGroups + 1) << TTile.DepthShift);
        ArrayView<Float4> weightTile = SharedMemory.Allocate<Float4>(((1 << TTile.ColumnGroupShift) + 1) << TTile.DepthShift);

        int lane = Group.IdxX;
        int rowGroup = lane >> TTile.ColumnGroupShift;
        int columnGroup = lane & ((1 << TTile.ColumnGroupShift) - 1);
        int depth = 1 << TTile.DepthShift;
        int firstRow = Grid.IdxY * (TTile.RowGroups << 2);
        int firstColumn = Grid.IdxX * (4 << TTile.ColumnGroupShift);

        float c00 = 0f, c01 = 0f, c02 = 0f, c03 = 0f;
        float c10 = 0f, c11 = 0f, c12 = 0f, c13 = 0f;
        float c20 = 0f, c21 = 0f, c22 = 0f, c23 = 0f;
        float c30 = 0f, c31 = 0f, c32 = 0f, c33 = 0f;
        for (int k = 0; k < innerSize; k += depth)
        {
            Stage<float, SingleElement, TTile>(input, inputTile, TTile.RowGroups, firstRow, rows, k, innerSize);
            Stage<T, TElement, TTile>(weight, weightTile, 1 << TTile.ColumnGroupShift, firstColumn, columns, k, innerSize);
            Group.Barrier();
            for (int d = 0; d < depth; d++)
            {
                Float4 a = inputTile[(d * rowStride) + rowGroup];
                Float4 b = weightTile[(d * columnStride) + columnGroup];
                c00 += a.X * b.X;
                c01 += a.X * b.Y;
                c02 += a.X * b.Z;
                c03 += a.X * b.W;
                c10 += a.Y * b.X;
                c11 += a.Y * b.Y;
                c12 += a.Y * b.Z;
                c13 += a.Y * b.W;
                c20 += a.Z * b.X;
                c21 += a.Z * b.Y;
                c22 += a.Z * b.Z;
                c23 += a.Z * b.W;
                c30 += a.W * b.X;
                c31 += a.W * b.Y;
                c32 += a.W * b.Z;
                c33 += a.W * b.W;
            }

            Group.Barrier();
        }

        int row = firstRow + (rowGroup << 2);
        int column = firstColumn + (columnGroup << 2);
        Store(output, row, rows, column, columns, new Float4(c00, c01, c02, c03));
        Store(output, row + 1, rows, column, columns, new Float4(c10, c11, c12, c13));
        Store(output, row + 2, rows, column, columns, new Float4(c20, c21, c22, c23));
        Store(output, row + 3, rows, column, columns, new Float4(c30, c31, c32, c33));
    }

    /// <summary>
    /// Brings <paramref name="groups"/> times four rows of a slice of the inner dimension into shared memory, as tile[depth, group].
    /// Neighbouring lanes take neighbouring depths, which lie side by side in memory. Past the inner dimension stand zeros, which
    /// add nothing; past the last row that row again, whose products are not stored.
    /// </summary>
    private static void Stage<T, TElement, TTile>(
        ArrayView<T> source, ArrayView<Float4> tile, int groups, int firstRow, int rows, int firstDepth, int innerSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IMatMulTile
    {
        int lanes = Group.DimX;
        int items = groups << TTile.DepthShift;
        int lastRow = rows - 1;
        for (int item = Group.IdxX; item < items; item += lanes)
        {
            int d = item & ((1 << TTile.DepthShift) - 1);
            int group = item >> TTile.DepthShift;
            int row = firstRow + (group << 2);
            int k = firstDepth + d;
            Float4 four = default;
            if (k < innerSize)
            {
                four = new Float4(
                    TElement.ToFloat(source[((long)IntrinsicMath.Min(row, lastRow) * innerSize) + k]),
                    TElement.ToFloat(source[((long)IntrinsicMath.Min(row + 1, lastRow) * innerSize) + k]),
                    TElement.ToFloat(source[((long)IntrinsicMath.Min(row + 2, lastRow) * innerSize) + k]),
                    TElement.ToFloat(source[((long)IntrinsicMath.Min(row + 3, lastRow) * innerSize) + k]));
            }

            tile[(d * (groups + 1)) + group] = four;
        }
    }

    private static void Store(ArrayView<float> output, int row, int rows, int column, int columns, Float4 values)
    {
        if (row >= rows)
        {
            return;
        }

        ArrayView<float> target = output.SubView((long)row * columns, columns);
        if (column < columns)
        {
            target[column] = values.X;
        }

        if (column + 1 < columns)
        {
            target[column + 1] = values.Y;
        }

        if (column + 2 < columns)
        {
            target[column + 2] = values.Z;
        }

        if (column + 3 < columns)
        {
            target[column + 3] = values.W;
        }
    }
}
