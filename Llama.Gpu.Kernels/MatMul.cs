namespace Llama.Gpu.Kernels;

/// <summary>
/// Matrix product with a weight: <c>output[t, n] = sum_k input[t, k] * weight[n, k]</c>.
/// input (T, K) f32, weight (N, K) stored, output (T, N) f32: both operands have the inner dimension fastest, as checkpoints
/// store weights. A group computes a tile of the output: it brings a slice of the weight into shared memory as f32 and turned
/// round, so that neighbouring lanes read neighbouring columns, and each lane multiplies a block of rows with a block of columns out
/// of it: an element fetched once is used as often as the block is high or wide. How large the blocks are, and whether the
/// input is staged as well, is the tile's matter (<see cref="IMatMulTile"/>). On the vectors of a processor it is a
/// <see cref="PackedMatMul"/>.
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
        _warpSize = accelerator.WarpSize;
        _kernels = new(accelerator, this);
        _fewTokensKernels = new(accelerator, new FewTokens(_shapes));
        PrepareTensorCores(accelerator);
    }

    internal delegate void Launch(AcceleratorStream stream, ProductInput input, WeightView weight, ArrayView<float> output, int columns);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int tokenCount, int outputSize, int inputSize) =>
        new(
            ((long)outputSize * inputSize * type.ElementSize()) + (4L * tokenCount * ((long)inputSize + outputSize)),
            2L * tokenCount * outputSize * inputSize);

    /// <summary>
    /// Bytes of scratch memory that a run needs on this accelerator: none but where tensor cores or vectors multiply an input that is made
    /// ready for them. More tokens need no less.
    /// </summary>
    /// <param name="type">The weight's type.</param>
    /// <param name="tokenCount">T.</param>
    /// <param name="inputSize">K.</param>
    public long ScratchBytes(TensorType type, int tokenCount, int inputSize)
    {
        long bytes = tokenCount <= _shapes.FewTokens ? 0 : sizeof(float) * PackedLength(tokenCount, inputSize);
        AskScratch(type, tokenCount, inputSize, ref bytes);
        return bytes;
    }

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(T, K).</param>
    /// <param name="weight">(N, K).</param>
    /// <param name="output">(T, N) result; must not overlap <paramref name="input"/>.</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="outputSize">N.</param>
    /// <param name="inputSize">K.</param>
    /// <param name="scratch">At least <see cref="ScratchBytes"/>; the run leaves anything in it.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> input,
        WeightView weight,
        ArrayView<float> output,
        int tokenCount,
        int outputSize,
        int inputSize,
        ArrayView<byte> scratch = default) =>
        Run(stream, new ProductInput(input, tokenCount, inputSize, scratch), weight, output, outputSize);

    /// <summary>Starts the operation on a stream, one of several products of an input.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(T, K).</param>
    /// <param name="weight">(N, K).</param>
    /// <param name="output">(T, N) result; must not overlap <paramref name="input"/>.</param>
    /// <param name="outputSize">N.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(AcceleratorStream stream, ProductInput input, WeightView weight, ArrayView<float> output, int outputSize)
    {
        RequireOperands(input, weight, output, outputSize);
        if (input.TokenCount <= _shapes.FewTokens)
        {
            RunFewTokens(stream, input, weight, output, outputSize);
        }
        else
        {
            bool hasRun = false;
            RunOnTensorCores(stream, input, weight, output, outputSize, ref hasRun);
            if (!hasRun)
            {
                Require.Holds(input.Scratch, ScratchBytes(weight.Type, input.TokenCount, input.InputSize), name: "scratch");
                _kernels[weight.Type](stream, input, weight, output, outputSize);
            }
        }
    }

    /// <summary>Checks the shapes of a product.</summary>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    internal static void RequireOperands(ProductInput input, WeightView weight, ArrayView<float> output, int outputSize)
    {
        ArgumentNullException.ThrowIfNull(input);
        Require.Dimension(input.TokenCount, "tokenCount");
        Require.Dimension(outputSize);
        Require.Dimension(input.InputSize, "inputSize");
        Require.Holds(input.Values, input.TokenCount, input.InputSize, name: nameof(input));
        Require.IsShaped(weight, outputSize, input.InputSize);
        Require.Holds(output, input.TokenCount, outputSize);
    }

    // in the folder TensorCores, which a build against ILGPU leaves out
    partial void PrepareTensorCores(Accelerator accelerator);

    partial void AskScratch(TensorType type, int tokenCount, int inputSize, ref long bytes);

    partial void RunOnTensorCores(
        AcceleratorStream stream, ProductInput input, WeightView weight, ArrayView<float> output, int outputSize, ref bool hasRun);

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator) => _shapes.Tile switch
    {
        MatMulTile.OneLane => LoadTile<T, TElement, OneLaneTile>(accelerator),
        MatMulTile.PackedSmall => PackedMatMul.Load<T, TElement, PackedSmallTile>(accelerator, _shapes),
        MatMulTile.Packed4 => PackedMatMul.Load<T, TElement, Packed4Tile>(accelerator, _shapes),
        MatMulTile.Packed8 => PackedMatMul.Load<T, TElement, Packed8Tile>(accelerator, _shapes),
        MatMulTile.Packed16 => PackedMatMul.Load<T, TElement, Packed16Tile>(accelerator, _shapes),
        MatMulTile.Small => LoadTile<T, TElement, SmallTile>(accelerator),
        _ => LoadTile<T, TElement, WideTile>(accelerator),
    };

    private long PackedLength(int tokenCount, int inputSize) => _shapes.Tile switch
    {
        MatMulTile.PackedSmall => PackedInput.Length<PackedSmallTile>(tokenCount, inputSize),
        MatMulTile.Packed4 => PackedInput.Length<Packed4Tile>(tokenCount, inputSize),
        MatMulTile.Packed8 => PackedInput.Length<Packed8Tile>(tokenCount, inputSize),
        MatMulTile.Packed16 => PackedInput.Length<Packed16Tile>(tokenCount, inputSize),
        _ => 0,
    };

    /// <summary>Lanes of the groups that a tile is for.</summary>
    internal static int LanesOf<TTile>()
        where TTile : struct, IMatMulTile => TTile.LaneRows << TTile.LaneColumnShift;

    private static Launch LoadTile<T, TElement, TTile>(Accelerator accelerator)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IMatMulTile
    {
        int tileRows = TTile.RowsPerLane * TTile.LaneRows;
        int tileColumns = TTile.ColumnsPerLane << TTile.LaneColumnShift;
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, int, int, int>(Kernel<T, TElement, TTile>);
        return (stream, input, weight, output, columns) =>
        {
            int across = IntrinsicMath.DivRoundUp(columns, tileColumns);
            int down = IntrinsicMath.DivRoundUp(input.TokenCount, tileRows);
            var config = new KernelConfig(across, down, 1, LanesOf<TTile>(), 1, 1);
            kernel(stream, config, input.Values, weight.As<T>(), output, input.TokenCount, columns, input.InputSize);
        };
    }

    internal static void Kernel<T, TElement, TTile>(
        ArrayView<float> input, ArrayView<T> weight, ArrayView<float> output, int rows, int columns, int innerSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IMatMulTile
    {
        int depth = 1 << TTile.DepthShift;
        int tileRows = TTile.RowsPerLane * TTile.LaneRows;
        int tileColumns = TTile.ColumnsPerLane << TTile.LaneColumnShift;
        int weightStride = tileColumns + TTile.Padding;
        int inputStride = tileRows + TTile.Padding;
        ArrayView<float> weightTile = SharedMemory.Allocate<float>(
            ((TTile.ColumnsPerLane << TTile.LaneColumnShift) + TTile.Padding) << TTile.DepthShift);
        ArrayView<float> inputTile = SharedMemory.Allocate<float>(
            TTile.StagesInput ? ((TTile.RowsPerLane * TTile.LaneRows) + TTile.Padding) << TTile.DepthShift : 1);
        ArrayView<float> sums = LocalMemory.Allocate<float>(TTile.RowsPerLane * TTile.ColumnsPerLane);
        ArrayView<float> weights = LocalMemory.Allocate<float>(TTile.ColumnsPerLane);

        int laneRow = TTile.LaneRows == 1 ? 0 : Group.IdxX >> TTile.LaneColumnShift;
        int laneColumn = Group.IdxX & ((1 << TTile.LaneColumnShift) - 1);
        int firstRow = Grid.IdxY * tileRows;
        int firstColumn = Grid.IdxX * tileColumns;
        int row = firstRow + (laneRow * TTile.RowsPerLane);
        for (int i = 0; i < TTile.RowsPerLane * TTile.ColumnsPerLane; i++)
        {
            sums[i] = 0f;
        }

        for (int k = 0; k < innerSize; k += depth)
        {
            int count = IntrinsicMath.Min(depth, innerSize - k);
            if (TTile.StagesInput)
            {
                Stage<float, SingleElement, TTile>(input, inputTile, inputStride, tileRows, firstRow, rows, k, count, innerSize);
            }

            Stage<T, TElement, TTile>(weight, weightTile, weightStride, tileColumns, firstColumn, columns, k, count, innerSize);
            Group.Barrier();
            int d = 0;
            for (; d + 4 <= count; d += 4)
            {
                for (int e = 0; e < 4; e++)
                {
                    Multiply<TTile>(
                        input, inputTile, inputStride, weightTile, weightStride, weights, sums, laneRow, laneColumn, row, rows, k, d + e, innerSize);
                }
            }

            for (; d < count; d++)
            {
                Multiply<TTile>(
                    input, inputTile, inputStride, weightTile, weightStride, weights, sums, laneRow, laneColumn, row, rows, k, d, innerSize);
            }

            Group.Barrier();
        }

        Store<TTile>(sums, output, row, rows, firstColumn + laneColumn, columns);
    }

    /// <summary>Stores a lane's block of sums, as far as the output reaches.</summary>
    private static void Store<TTile>(ArrayView<float> sums, ArrayView<float> output, int row, int rows, int firstColumn, int columns)
        where TTile : struct, IMatMulTile
    {
        for (int j = 0; j < TTile.ColumnsPerLane; j++)
        {
            int column = firstColumn + (j << TTile.LaneColumnShift);
            if (column < columns)
            {
                for (int i = 0; i < TTile.RowsPerLane && row + i < rows; i++)
                {
                    output[((long)(row + i) * columns) + column] = sums[(i * TTile.ColumnsPerLane) + j];
                }
            }
        }
    }

    /// <summary>Adds the products at one depth to a lane's block of sums. Rows past the last are that row again, and not stored.</summary>
    private static void Multiply<TTile>(
        ArrayView<float> input,
        ArrayView<float> inputTile,
        int inputStride,
        ArrayView<float> weightTile,
        int weightStride,
        ArrayView<float> weights,
        ArrayView<float> sums,
        int laneRow,
        int laneColumn,
        int row,
        int rows,
        int firstDepth,
        int d,
        int innerSize)
        where TTile : struct, IMatMulTile
    {
        for (int j = 0; j < TTile.ColumnsPerLane; j++)
        {
            weights[j] = weightTile[(d * weightStride) + laneColumn + (j << TTile.LaneColumnShift)];
        }

        for (int i = 0; i < TTile.RowsPerLane; i++)
        {
            float x = TTile.StagesInput
                ? inputTile[(d * inputStride) + (laneRow * TTile.RowsPerLane) + i]
                : input[((long)IntrinsicMath.Min(row + i, rows - 1) * innerSize) + firstDepth + d];
            for (int j = 0; j < TTile.ColumnsPerLane; j++)
            {
                int sum = (i * TTile.ColumnsPerLane) + j;
                sums[sum] = MultiplyAdd.Of(x, weights[j], sums[sum]);
            }
        }
    }

    /// <summary>
    /// Brings a slice of the inner dimension of <paramref name="tileRows"/> rows into shared memory as tile[depth, row]. A lane takes
    /// eight neighbouring elements of a row, its neighbour the next row. Past the last row stands that row again; past
    /// <paramref name="count"/> nothing is written, and nothing is read.
    /// </summary>
    private static void Stage<T, TElement, TTile>(
        ArrayView<T> source, ArrayView<float> tile, int stride, int tileRows, int firstRow, int rows, int firstDepth, int count, int innerSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IMatMulTile
    {
        int runShift = TTile.DepthShift - 3;
        int lanes = Group.DimX;
        for (int item = Group.IdxX; item < tileRows << runShift; item += lanes)
        {
            int run = (item >> TTile.StagedRowShift) & ((1 << runShift) - 1);
            int row = ((item >> (TTile.StagedRowShift + runShift)) << TTile.StagedRowShift) + (item & ((1 << TTile.StagedRowShift) - 1));
            int d = run << 3;
            long from = ((long)IntrinsicMath.Min(firstRow + row, rows - 1) * innerSize) + firstDepth + d;
            if (d + 8 <= count)
            {
                for (int e = 0; e < 8; e++)
                {
                    tile[((d + e) * stride) + row] = TElement.ToFloat(source[from + e]);
                }
            }
            else
            {
                for (int e = 0; d + e < count; e++)
                {
                    tile[((d + e) * stride) + row] = TElement.ToFloat(source[from + e]);
                }
            }
        }
    }
}
