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

    /// <summary>Bytes of scratch memory that a run needs on this accelerator (<see cref="MatMul.ScratchBytes"/>).</summary>
    /// <param name="type">The weight's type.</param>
    /// <param name="rows">R.</param>
    /// <param name="hiddenSize">H.</param>
    public long ScratchBytes(TensorType type, int rows, int hiddenSize) => rows == 1 ? 0 : _manyRows.ScratchBytes(type, rows, hiddenSize);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="hidden">(R, H).</param>
    /// <param name="weight">(V, H).</param>
    /// <param name="logits">(R, V) result; must not overlap <paramref name="hidden"/>.</param>
    /// <param name="rows">R, at least 1.</param>
    /// <param name="vocabularySize">V.</param>
    /// <param name="hiddenSize">H.</param>
    /// <param name="scratch">At least <see cref="ScratchBytes"/>; the run leaves anything in it.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> hidden,
        WeightView weight,
        ArrayView<float> logits,
        int rows,
        int vocabularySize,
        int hiddenSize,
        ArrayView<byte> scratch = default)
    {
        Require.Dimension(rows);
        Require.Dimension(hiddenSize);
        Require.Holds(hidden, rows, hiddenSize);
        Run(stream, new ProductInput(hidden, rows, hiddenSize, scratch), weight, logits, vocabularySize);
    }

    /// <summary>Starts the operation on a stream, for some of the vocabulary and the same rows as another run.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="hidden">(R, H).</param>
    /// <param name="weight">(V, H).</param>
    /// <param name="logits">(R, V) result; must not overlap <paramref name="hidden"/>.</param>
    /// <param name="vocabularySize">V.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(AcceleratorStream stream, ProductInput hidden, WeightView weight, ArrayView<float> logits, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        Require.Dimension(vocabularySize);
        Require.IsShaped(weight, vocabularySize, hidden.InputSize);
        Require.Holds(logits, hidden.TokenCount, vocabularySize);
        if (hidden.TokenCount == 1)
        {
            _oneRow.Run(stream, hidden.Values, weight, logits, vocabularySize, hidden.InputSize);
        }
        else
        {
            _manyRows.Run(stream, hidden, weight, logits, vocabularySize);
        }
    }
}
