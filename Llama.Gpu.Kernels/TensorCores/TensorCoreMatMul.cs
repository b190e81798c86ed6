namespace Llama.Gpu.Kernels;

/// <summary>
/// Matrix product with a weight on tensor cores: <c>output[t, n] = sum_k input[t, k] * weight[n, k]</c>.
/// input (T, K) f32, weight (N, K) f16 or bf16, output (T, N) f32. The input is rounded to the weight's type, to nearest even; products are exact and sums are f32. So a result lies within <c>(u + (K + 16) * 2^-22) * s</c> of the exact
/// one, s the sum of the magnitudes of its products and u the rounding of the input: 2^-8 for bf16, 2^-11 for f16. An input beyond
/// 65504 becomes infinite in f16, one below 2^-14 loses bits.
/// </summary>
/// <remarks>
/// A group computes a tile of the output, slice by slice of 32 along K. Three slices are in shared memory: one is multiplied, the next
/// has arrived or is about to, the third is on its way. The weight is copied asynchronously, past the registers, and so is the input once
/// <see cref="InputRounding"/> has rounded it, into scratch memory of the caller's (2 T K bytes). For few tokens, whose input is little
/// beside the weight, that launch is saved: the input goes through registers, where it is rounded. A row of a slice is 64 bytes, four chunks of 16, and chunk c of row r stands in place
/// <c>c ^ (r / 2 % 4)</c>: then the 8 rows of a matrix, which are loaded at once, lie in different banks, and so do the chunks that
/// neighbouring lanes store.
/// Groups go through the output in bands of rows, within a band down the columns: those that run at the same time then have rows of the
/// input and of the weight in common that the second-level cache holds. <see cref="TensorTileTable"/> says which tile a product takes.
/// </remarks>
public sealed class TensorCoreMatMul
{
    /// <summary>Elements along K of a slice.</summary>
    internal const int Depth = 1 << DepthShift;

    private const int Stages = 3;
    private const int DepthShift = 5;
    private const int BandTiles = 16;
    private const int Chunk = InputRounding.Chunk;
    private const int ChunkBytes = 16;

    private readonly Accelerator _accelerator;
    private readonly InputRounding _rounding;
    private readonly Dictionary<(TensorType Type, TensorTile? Tile), MatMul.Launch> _launches = [];

    /// <summary>Prepares the operation for an accelerator with tensor cores, or one that computes the same fragments.</summary>
    /// <param name="accelerator">Where it will run: with warps of 32 lanes.</param>
    public TensorCoreMatMul(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        _accelerator = accelerator;
        _rounding = new(accelerator);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int tokenCount, int outputSize, int inputSize) =>
        MatMul.CostOf(type, tokenCount, outputSize, inputSize);

    /// <summary>Bytes of scratch memory that suffice for a run with any N, and with fewer tokens.</summary>
    /// <param name="type">The weight's type.</param>
    /// <param name="tokenCount">T.</param>
    /// <param name="inputSize">K.</param>
    public static long ScratchBytes(TensorType type, int tokenCount, int inputSize) =>
        type is TensorType.Float16 or TensorType.BFloat16 && inputSize % Chunk == 0 ? InputRounding.ScratchBytes(tokenCount, inputSize) : 0;

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(T, K); its scratch memory begins at a multiple of 16 bytes.</param>
    /// <param name="weight">(N, K), f16 or bf16.</param>
    /// <param name="output">(T, N) result; must not overlap <paramref name="input"/>.</param>
    /// <param name="outputSize">N.</param>
    /// <exception cref="ArgumentException">A view does not have its shape or type, or an extent is out of range.</exception>
    public void Run(AcceleratorStream stream, ProductInput input, WeightView weight, ArrayView<float> output, int outputSize)
    {
        MatMul.RequireOperands(input, weight, output, outputSize);
        if (weight.Type is not (TensorType.Float16 or TensorType.BFloat16))
        {
            throw new ArgumentException($"expected elements of type Float16 or BFloat16, found {weight.Type}", nameof(weight));
        }

        Require.Holds(input.Scratch, ScratchBytes(weight.Type, input.TokenCount, input.InputSize), name: "scratch");

        // no model's rows are of another size, so one tile is enough for those
        bool inChunks = input.InputSize % Chunk == 0 && weight.Data.IsAlignedTo(ChunkBytes);
        TensorTile? tile = inChunks ? TensorTileTable.For(input.TokenCount, outputSize, _accelerator.NumMultiprocessors) : null;
        Find(weight.Type, tile)(stream, input, weight, output, outputSize);
    }

    /// <summary>The launch of one tile, or of rows that are staged by elements.</summary>
    internal MatMul.Launch Find(TensorType type, TensorTile? tile)
    {
        if (!_launches.TryGetValue((type, tile), out MatMul.Launch? launch))
        {
            launch = type == TensorType.Float16 ? Load<Half, HalfElement>(tile) : Load<BFloat16, BFloat16Element>(tile);
            _launches.Add((type, tile), launch);
        }

        return launch;
    }

    private MatMul.Launch Load<T, TElement>(TensorTile? tile)
        where T : unmanaged
        where TElement : struct, IElement<T> => tile switch
        {
            TensorTile.Large => Load<T, TElement, LargeTensorTile, ChunkStaging>(),
            TensorTile.Wide => Load<T, TElement, WideTensorTile, ChunkStaging>(),
            TensorTile.Square => Load<T, TElement, SquareTensorTile, ChunkStaging>(),
            TensorTile.Narrow => Load<T, TElement, NarrowTensorTile, ChunkStaging>(),
            _ => Load<T, TElement, NarrowTensorTile, ElementStaging>(),
        };

    private MatMul.Launch Load<T, TElement, TTile, TStaging>()
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, ITensorTile
        where TStaging : struct, IWeightStaging
    {
        InputRounding.Launch<T>? round = TTile.TakesRounded ? _rounding.Load<T, TElement>() : null;
        var kernel = _accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<T>, ArrayView<float>, int, int, int>(
            TileKernel<T, TElement, TTile, TStaging>);
        int sharedLength = Stages * (TTile.Rows + TTile.Columns) << DepthShift;
        return (stream, input, weight, output, columns) =>
        {
            ArrayView<T> rounded = round?.Invoke(stream, input) ?? default;
            int groups = checked(IntrinsicMath.DivRoundUp(input.TokenCount, TTile.Rows) * IntrinsicMath.DivRoundUp(columns, TTile.Columns));
            var config = new KernelConfig(groups, TTile.Lanes, SharedMemoryConfig.RequestDynamic<T>(sharedLength));
            kernel(stream, config, input.Values, rounded, weight.As<T>(), output, input.TokenCount, columns, input.InputSize);
        };
    }

    /// <param name="input">(T, K); not read where the tile takes a rounded input.</param>
    /// <param name="rounded">(T, K); not read where it does not.</param>
    /// <param name="weight">(N, K).</param>
    /// <param name="output">(T, N).</param>
    /// <param name="rows">T.</param>
    /// <param name="columns">N.</param>
    /// <param name="innerSize">K.</param>
    internal static void TileKernel<T, TElement, TTile, TStaging>(
        ArrayView<float> input, ArrayView<T> rounded, ArrayView<T> weight, ArrayView<float> output, int rows, int columns, int innerSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, ITensorTile
        where TStaging : struct, IWeightStaging
    {
        ArrayView<T> shared = SharedMemory.GetDynamic<T>();
        ArrayView<T> inputSlices = shared.SubView(0, Stages * TTile.Rows << DepthShift);
        ArrayView<T> weightSlices = shared.SubView(Stages * TTile.Rows << DepthShift, Stages * TTile.Columns << DepthShift);
        ArrayView<MatrixAccumulator> sums = LocalMemory.Allocate<MatrixAccumulator>(TTile.RowTiles * TTile.ColumnTiles);
        ArrayView<MatrixFragmentA> weightPairs = LocalMemory.Allocate<MatrixFragmentA>(TTile.ColumnTiles >> 1);
        ArrayView<float> fetched = LocalMemory.Allocate<float>(TTile.TakesRounded ? 1 : (TTile.Rows << DepthShift) / TTile.Lanes);
        for (int i = 0; i < TTile.RowTiles * TTile.ColumnTiles; i++)
        {
            sums[i] = default;
        }

        Index2D tile = TileOf(Grid.IdxX, (rows + TTile.Rows - 1) / TTile.Rows, (columns + TTile.Columns - 1) / TTile.Columns);
        int firstRow = tile.X * TTile.Rows;
        int firstColumn = tile.Y * TTile.Columns;
        int warp = Warp.WarpIdx;
        int warpRow = (warp >> TTile.WarpColumnShift) * (TTile.RowTiles << 4);
        int warpColumn = (warp & ((1 << TTile.WarpColumnShift) - 1)) * (TTile.ColumnTiles << 3);

        // past the last slice zeros are staged, so that no slice is a special case
        for (int slice = 0; slice < Stages - 1; slice++)
        {
            ArrayView<T> inputSlice = inputSlices.SubView(slice * TTile.Rows << DepthShift, TTile.Rows << DepthShift);
            ArrayView<T> weightSlice = weightSlices.SubView(slice * TTile.Columns << DepthShift, TTile.Columns << DepthShift);
            BeginStage<T, TElement, TTile, TStaging>(
                input, rounded, weight, inputSlice, weightSlice, fetched, firstRow, rows, firstColumn, columns, slice << DepthShift, innerSize);
            EndStage<T, TElement, TTile>(fetched, inputSlice);
        }

        int slices = (innerSize + Depth - 1) >> DepthShift;
        int current = 0;
        int free = Stages - 1;
        for (int slice = 0; slice < slices; slice++)
        {
            // the slice has arrived, and all have done with the one before, whose place is free now
            AsyncCopy.Wait(Stages - 2);
            Group.Barrier();
            ArrayView<T> nextInput = inputSlices.SubView(free * TTile.Rows << DepthShift, TTile.Rows << DepthShift);
            ArrayView<T> nextWeight = weightSlices.SubView(free * TTile.Columns << DepthShift, TTile.Columns << DepthShift);
            BeginStage<T, TElement, TTile, TStaging>(
                input, rounded, weight, nextInput, nextWeight, fetched, firstRow, rows, firstColumn, columns, (slice + Stages - 1) << DepthShift, innerSize);
            ArrayView<T> inputSlice = inputSlices.SubView(current * TTile.Rows << DepthShift, TTile.Rows << DepthShift);
            ArrayView<T> weightSlice = weightSlices.SubView(current * TTile.Columns << DepthShift, TTile.Columns << DepthShift);
            Multiply<T, TTile>(inputSlice, weightSlice, sums, weightPairs, warpRow, warpColumn, 0);
            Multiply<T, TTile>(inputSlice, weightSlice, sums, weightPairs, warpRow, warpColumn, 2);
            EndStage<T, TElement, TTile>(fetched, nextInput);
            current = current == Stages - 1 ? 0 : current + 1;
            free = free == Stages - 1 ? 0 : free + 1;
        }

        AsyncCopy.Wait(0);
        Store<TTile>(output, sums, firstRow + warpRow, rows, firstColumn + warpColumn, columns);
    }

    /// <summary>Which tile, by row and column, a group takes: bands of rows one after the other, within a band column by column.</summary>
    internal static Index2D TileOf(int group, int down, int across)
    {
        int band = group / (BandTiles * across);
        int within = group - (band * BandTiles * across);
        int height = IntrinsicMath.Min(BandTiles, down - (band * BandTiles));
        int column = within / height;
        return new((band * BandTiles) + within - (column * height), column);
    }

    /// <summary>Multiplies 16 of a slice's 32 elements along K: those from chunk <paramref name="chunk"/> on, and adds to the sums.</summary>
    private static void Multiply<T, TTile>(
        ArrayView<T> inputSlice,
        ArrayView<T> weightSlice,
        ArrayView<MatrixAccumulator> sums,
        ArrayView<MatrixFragmentA> weightPairs,
        int warpRow,
        int warpColumn,
        int chunk)
        where T : unmanaged
        where TTile : struct, ITensorTile
    {
        // The row that a lane names: of the input 16 rows and then the next chunk of them, of the weight 8 rows, their next chunk,
        // and 8 more rows. Below a multiple of 8 rows, the place of a chunk depends on the lane alone.
        int lane = Warp.LaneIdx;
        int swizzle = (lane >> 1) & 3;
        int inputAt = ((warpRow + (lane & 15)) << DepthShift) + (((chunk + (lane >> 4)) ^ swizzle) << 3);
        int weightAt = ((warpColumn + (lane & 7) + ((lane >> 4) << 3)) << DepthShift) + (((chunk + ((lane >> 3) & 1)) ^ swizzle) << 3);
        for (int j = 0; j < TTile.ColumnTiles >> 1; j++)
        {
            weightPairs[j] = TensorCore.LoadMatrices4(weightSlice, weightAt + (j << (DepthShift + 4)));
        }

        for (int i = 0; i < TTile.RowTiles; i++)
        {
            MatrixFragmentA rows = TensorCore.LoadMatrices4(inputSlice, inputAt + (i << (DepthShift + 4)));
            for (int j = 0; j < TTile.ColumnTiles >> 1; j++)
            {
                MatrixFragmentA pair = weightPairs[j];
                int at = (i * TTile.ColumnTiles) + (j << 1);
                sums[at] = TensorCore.MultiplyAdd<T>(rows, pair.FirstB, sums[at]);
                sums[at + 1] = TensorCore.MultiplyAdd<T>(rows, pair.SecondB, sums[at + 1]);
            }
        }
    }

    /// <summary>Begins to bring a slice of both operands into shared memory: what goes through registers is on its way there.</summary>
    private static void BeginStage<T, TElement, TTile, TStaging>(
        ArrayView<float> input,
        ArrayView<T> rounded,
        ArrayView<T> weight,
        ArrayView<T> inputSlice,
        ArrayView<T> weightSlice,
        ArrayView<float> fetched,
        int firstRow,
        int rows,
        int firstColumn,
        int columns,
        int firstDepth,
        int innerSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, ITensorTile
        where TStaging : struct, IWeightStaging
    {
        StageRows<T, TElement, TStaging>(weight, weightSlice, TTile.Columns, TTile.Lanes, firstColumn, columns, firstDepth, innerSize);
        if (TTile.TakesRounded)
        {
            StageRows<T, TElement, ChunkStaging>(rounded, inputSlice, TTile.Rows, TTile.Lanes, firstRow, rows, firstDepth, innerSize);
        }

        AsyncCopy.Commit();
        if (!TTile.TakesRounded)
        {
            FetchInput<TTile, TStaging>(input, fetched, firstRow, rows, firstDepth, innerSize);
        }
    }

    /// <summary>Rounds what has been fetched and puts it in shared memory.</summary>
    private static void EndStage<T, TElement, TTile>(ArrayView<float> fetched, ArrayView<T> slice)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, ITensorTile
    {
        if (!TTile.TakesRounded)
        {
            for (int i = 0; i < (TTile.Rows << (DepthShift - 3)) / TTile.Lanes; i++)
            {
                int item = Group.IdxX + (i * TTile.Lanes);
                int target = Place(item >> 2, item & 3);
                for (int e = 0; e < Chunk; e++)
                {
                    slice[target + e] = TElement.FromFloat(fetched[(i << 3) + e]);
                }
            }
        }
    }

    /// <summary>
    /// Brings a slice of some rows of an operand into shared memory. Past K stand zeros, which add nothing; past the last row that row again,
    /// whose products are not stored.
    /// </summary>
    private static void StageRows<T, TElement, TStaging>(
        ArrayView<T> source, ArrayView<T> slice, int sliceRows, int lanes, int firstRow, int rows, int firstDepth, int innerSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TStaging : struct, IWeightStaging
    {
        for (int i = 0; i < (sliceRows << (DepthShift - 3)) / lanes; i++)
        {
            int item = Group.IdxX + (i * lanes);
            int row = item >> 2;
            int k = firstDepth + ((item & 3) << 3);
            long begin = (long)IntrinsicMath.Min(firstRow + row, rows - 1) * innerSize;
            int target = Place(row, item & 3);
            if (TStaging.InChunks)
            {
                AsyncCopy.Copy16(slice, target, source, begin + IntrinsicMath.Min(k, innerSize - Chunk), k < innerSize ? ChunkBytes : 0);
            }
            else
            {
                for (int e = 0; e < Chunk; e++)
                {
                    float value = TElement.ToFloat(source[begin + IntrinsicMath.Min(k + e, innerSize - 1)]);
                    slice[target + e] = TElement.FromFloat(k + e < innerSize ? value : 0f);
                }
            }
        }
    }

    /// <summary>Reads this lane's part of a slice of the input, as <see cref="StageRows{T, TElement, TStaging}"/> does for the weight.</summary>
    private static void FetchInput<TTile, TStaging>(
        ArrayView<float> input, ArrayView<float> fetched, int firstRow, int rows, int firstDepth, int innerSize)
        where TTile : struct, ITensorTile
        where TStaging : struct, IWeightStaging
    {
        for (int i = 0; i < (TTile.Rows << (DepthShift - 3)) / TTile.Lanes; i++)
        {
            int item = Group.IdxX + (i * TTile.Lanes);
            int k = firstDepth + ((item & 3) << 3);
            long source = (long)IntrinsicMath.Min(firstRow + (item >> 2), rows - 1) * innerSize;
            bool inside = k < innerSize;
            for (int e = 0; e < Chunk; e++)
            {
                // no branch around the loads: they begin before the products do
                long at = source + (TStaging.InChunks ? IntrinsicMath.Min(k, innerSize - Chunk) + e : IntrinsicMath.Min(k + e, innerSize - 1));
                float value = input[at];
                fetched[(i << 3) + e] = (TStaging.InChunks ? inside : k + e < innerSize) ? value : 0f;
            }
        }
    }

    /// <summary>Where a chunk of a row of a slice stands.</summary>
    internal static int Place(int row, int chunk) => (row << DepthShift) + ((chunk ^ ((row >> 1) & 3)) << 3);

    private static void Store<TTile>(ArrayView<float> output, ArrayView<MatrixAccumulator> sums, int firstRow, int rows, int firstColumn, int columns)
        where TTile : struct, ITensorTile
    {
        int row = firstRow + (Warp.LaneIdx >> 2);
        int column = firstColumn + ((Warp.LaneIdx & 3) << 1);
        for (int i = 0; i < TTile.RowTiles; i++)
        {
            for (int j = 0; j < TTile.ColumnTiles; j++)
            {
                MatrixAccumulator sum = sums[(i * TTile.ColumnTiles) + j];
                StorePair(output, row + (i << 4), rows, column + (j << 3), columns, sum.TopLeft, sum.TopRight);
                StorePair(output, row + (i << 4) + 8, rows, column + (j << 3), columns, sum.BottomLeft, sum.BottomRight);
            }
        }
    }

    private static void StorePair(ArrayView<float> output, int row, int rows, int column, int columns, float left, float right)
    {
        long at = ((long)row * columns) + column;
        if (row < rows && column + 1 < columns)
        {
            output[at] = left;
            output[at + 1] = right;
        }
        else if (row < rows && column < columns)
        {
            output[at] = left;
        }
    }
}
