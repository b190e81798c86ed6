namespace Llama.Gpu.Kernels;

/// <summary>
/// Logits: <c>logits[r, v] = sum_h weight[v, h] * hidden[r, h]</c>. hidden (R, H) f32, weight (V, H) stored, logits (R, V) f32.
/// The largest matrix of a small model (128256 rows in Llama 3), so it must cross the memory once for all R rows: a warp takes
/// a vocabulary row and keeps to it for every hidden row, four at a time, while it stays in the cache. One row is a
/// <see cref="MatVec"/>; from <see cref="TiledRows"/> rows on the tiles of <see cref="MatMul"/> do better.
/// </summary>
public sealed class OutputHead : ITypedKernel<OutputHead.Launch>
{
    /// <summary>Rows from which the tiled product takes over.</summary>
    public const int TiledRows = 17;

    private readonly LaunchShapes _shapes;
    private readonly int _warpSize;
    private readonly MatVec _oneRow;
    private readonly MatMul _manyRows;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public OutputHead(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _warpSize = accelerator.WarpSize;
        _oneRow = new(accelerator, _shapes);
        _manyRows = new(accelerator, _shapes);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> hidden,
        WeightView weight,
        ArrayView<float> logits,
        int rows,
        int vocabularySize,
        int hiddenSize,
        int warpRows);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int rows, int vocabularySize, int hiddenSize) =>
        MatMul.CostOf(type, rows, vocabularySize, hiddenSize);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="hidden">(R, H).</param>
    /// <param name="weight">(V, H).</param>
    /// <param name="logits">(R, V) result; must not overlap <paramref name="hidden"/>.</param>
    /// <param name="rows">R, at least 1.</param>
    /// <param name="vocabularySize">V.</param>
    /// <param name="hiddenSize">H.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> hidden,
        WeightView weight,
        ArrayView<float> logits,
        int rows,
        int vocabularySize,
        int hiddenSize)
    {
        Require.Dimension(rows);
        Require.Dimension(vocabularySize);
        Require.Dimension(hiddenSize);
        Require.Holds(hidden, rows, hiddenSize);
        Require.IsShaped(weight, vocabularySize, hiddenSize);
        Require.Holds(logits, rows, vocabularySize);
        if (rows == 1)
        {
            _oneRow.Run(stream, hidden, weight, logits, vocabularySize, hiddenSize);
        }
        else if (rows >= TiledRows)
        {
            _manyRows.Run(stream, hidden, weight, logits, rows, vocabularySize, hiddenSize);
        }
        else
        {
            var config = _shapes.WarpPerOutput(vocabularySize, _warpSize);
            _kernels[weight.Type](stream, config, hidden, weight, logits, rows, vocabularySize, hiddenSize, _shapes.WarpRows);
        }
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, int, int, int, int>(Kernel<T, TElement>);
        return (stream, config, hidden, weight, logits, rows, vocabularySize, hiddenSize, warpRows) =>
            kernel(stream, config, hidden, weight.As<T>(), logits, rows, vocabularySize, hiddenSize, warpRows);
    }

    internal static void Kernel<T, TElement>(
        ArrayView<float> hidden, ArrayView<T> weight, ArrayView<float> logits, int rows, int vocabularySize, int hiddenSize, int warpRows)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        int lane = Warp.LaneIdx;
        int lanes = WarpReduction.LaneCount();
        int warps = IntrinsicMath.DivRoundUp(Group.DimX, Warp.WarpSize);
        int first = Grid.IdxX * warps * warpRows;
        int warp = Warp.WarpIdx;
        for (int i = 0; i < warpRows && first + (i * warps) < vocabularySize; i++)
        {
            int column = first + (i * warps) + warp;
            int readable = IntrinsicMath.Min(column, vocabularySize - 1);
            ArrayView<T> weights = weight.SubView((long)readable * hiddenSize, hiddenSize);
            for (int row = 0; row < rows; row += 4)
            {
                // Past the last row the last one is computed again: cheaper than four branches in the loop.
                ArrayView<float> hidden0 = Row(hidden, row, rows, hiddenSize);
                ArrayView<float> hidden1 = Row(hidden, row + 1, rows, hiddenSize);
                ArrayView<float> hidden2 = Row(hidden, row + 2, rows, hiddenSize);
                ArrayView<float> hidden3 = Row(hidden, row + 3, rows, hiddenSize);
                float sum0 = 0f;
                float sum1 = 0f;
                float sum2 = 0f;
                float sum3 = 0f;
                for (int k = lane; k < hiddenSize; k += lanes)
                {
                    float w = TElement.ToFloat(weights[k]);
                    sum0 += w * hidden0[k];
                    sum1 += w * hidden1[k];
                    sum2 += w * hidden2[k];
                    sum3 += w * hidden3[k];
                }

                sum0 = WarpReduction.Reduce<SumReduction>(sum0);
                sum1 = WarpReduction.Reduce<SumReduction>(sum1);
                sum2 = WarpReduction.Reduce<SumReduction>(sum2);
                sum3 = WarpReduction.Reduce<SumReduction>(sum3);
                if (lane == 0 && column < vocabularySize)
                {
                    Store(logits, row, rows, vocabularySize, column, sum0);
                    Store(logits, row + 1, rows, vocabularySize, column, sum1);
                    Store(logits, row + 2, rows, vocabularySize, column, sum2);
                    Store(logits, row + 3, rows, vocabularySize, column, sum3);
                }
            }
        }
    }

    private static ArrayView<float> Row(ArrayView<float> hidden, int row, int rows, int hiddenSize) =>
        hidden.SubView((long)IntrinsicMath.Min(row, rows - 1) * hiddenSize, hiddenSize);

    private static void Store(ArrayView<float> logits, int row, int rows, int vocabularySize, int column, float value)
    {
        if (row < rows)
        {
            logits[((long)row * vocabularySize) + column] = value;
        }
    }
}
