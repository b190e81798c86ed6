namespace Llama.Gpu.Kernels;

/// <summary>
/// Logits: <c>logits[r, v] = sum_h weight[v, h] * hidden[r, h]</c>. hidden (R, H) f32, weight (V, H) stored, logits (R, V) f32.
/// The largest matrix of a small model (128256 rows in Llama 3), which crosses the memory once for all rows: a <see cref="MatVec"/>
/// for one, a <see cref="MatMul"/> for more.
/// </summary>
public sealed class OutputHead
{
    private readonly MatVec _oneRow;
    private readonly MatMul _manyRows;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public OutputHead(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _oneRow = new(accelerator, shapes);
        _manyRows = new(accelerator, shapes);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int rows, int vocabularySize, int hiddenSize) =>
        MatMul.CostOf(type, rows, vocabularySize, hiddenSize);

    /// <summary>Elements of scratch memory that a run takes: <see cref="MatMul.ScratchLength"/>, none for one row.</summary>
    /// <param name="rows">R.</param>
    /// <param name="hiddenSize">H.</param>
    public long ScratchLength(int rows, int hiddenSize) => rows == 1 ? 0 : _manyRows.ScratchLength(rows, hiddenSize);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="hidden">(R, H).</param>
    /// <param name="weight">(V, H).</param>
    /// <param name="logits">(R, V) result; must not overlap <paramref name="hidden"/>.</param>
    /// <param name="scratch">At least <see cref="ScratchLength"/> elements that nothing else uses meanwhile.</param>
    /// <param name="rows">R, at least 1.</param>
    /// <param name="vocabularySize">V.</param>
    /// <param name="hiddenSize">H.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> hidden,
        WeightView weight,
        ArrayView<float> logits,
        ArrayView<float> scratch,
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
        else
        {
            _manyRows.Run(stream, hidden, weight, logits, scratch, rows, vocabularySize, hiddenSize);
        }
    }
}
