using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Analysis;

/// <summary>
/// What a model would say if it stopped after a layer: the layer's hidden state through the final norm and the output head
/// (nostalgebraist, interpreting GPT: the logit lens, 2020). After the last layer these are the model's own logits, bit for bit.
/// The head is brought to the device piece by piece.
/// </summary>
public sealed class LogitLens
{
    private const string Purpose = "the logit lens";
    private const long PieceBytes = 32 << 20;

    private readonly LlamaConfig _config;
    private readonly Checkpoint _checkpoint;
    private readonly DeviceBudget _budget;
    private readonly RmsNorm _norm;
    private readonly OutputHead _head;
    private readonly TensorUpload _upload;

    /// <param name="checkpoint">Where the norm and the head are read.</param>
    /// <param name="budget">Where device memory is taken.</param>
    public LogitLens(Checkpoint checkpoint, DeviceBudget budget)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(budget);
        _checkpoint = checkpoint;
        _config = checkpoint.Config;
        _budget = budget;
        _norm = new(budget.Accelerator);
        _head = new(budget.Accelerator);
        _upload = new(checkpoint, budget, Purpose);
    }

    /// <summary>Logits of hidden states.</summary>
    /// <param name="states">(n, hidden): what layers put out, before the final norm.</param>
    /// <param name="cancellationToken">Checked between pieces of the head.</param>
    /// <returns>n arrays of the vocabulary's length.</returns>
    /// <exception cref="ArgumentException">No whole number of states.</exception>
    /// <exception cref="CheckpointException">Weights that cannot be read.</exception>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    public float[][] Logits(ReadOnlySpan<float> states, CancellationToken cancellationToken = default)
    {
        int hidden = _config.HiddenSize;
        int count = states.Length / hidden;
        if (count == 0 || count * hidden != states.Length)
        {
            throw new ArgumentException($"expected a multiple of {hidden} elements, found {states.Length}", nameof(states));
        }

        AcceleratorStream stream = _budget.Accelerator.DefaultStream;
        using var normed = _budget.Allocate<float>(states.Length, Purpose);
        normed.View.CopyFromCPU(stream, states);
        using (var gain = _upload.Load(_checkpoint.Tensors[TensorNames.FinalNorm]))
        {
            _norm.Run(stream, normed.View, gain.View, normed.View, count, hidden, _config.RmsNormEpsilon);
            stream.Synchronize();
        }

        var logits = new float[count][];
        for (int state = 0; state < count; state++)
        {
            logits[state] = new float[_config.VocabularySize];
        }

        TensorInfo head = _checkpoint.Tensors[TensorNames.HeadOf(_config)];
        long rowBytes = head.ByteLength / _config.VocabularySize;
        int rowsAtOnce = (int)Math.Clamp(PieceBytes / rowBytes, 1, _config.VocabularySize);
        using var part = _budget.Allocate<float>(rowsAtOnce, Purpose);
        for (int first = 0; first < _config.VocabularySize; first += rowsAtOnce)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = Math.Min(rowsAtOnce, _config.VocabularySize - first);
            using var piece = _upload.Load(head, first * rowBytes, rows * rowBytes);
            for (int state = 0; state < count; state++)
            {
                // one by one, as the decoder does, so that sums are added in the same order
                ArrayView<float> row = normed.View.SubView((long)state * hidden, hidden);
                ArrayView<float> some = part.View.SubView(0, rows);
                _head.Run(stream, row, piece.View, some, ArrayView<float>.Empty, 1, rows, hidden);
                some.CopyToCPU(stream, logits[state].AsSpan(first, rows));
            }
        }

        return logits;
    }
}
