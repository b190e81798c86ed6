using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Model;

internal sealed partial class Decoder
{
    // rows of the head that one launch takes begin where 128-bit loads may
    private const int HeadAlignment = 64;

    /// <summary>
    /// Logits after any tokens of the last chunk; the head crosses device memory once for all of them. Once after each
    /// <see cref="Forward(ReadOnlySpan{int}, DecoderState, ReadOnlySpan{SequenceRows}, bool, CancellationToken)"/> that was told so.
    /// </summary>
    /// <param name="rows">The tokens' rows in the chunk.</param>
    /// <param name="state">The activations the chunk was computed in.</param>
    /// <param name="logits">(vocabulary) result for each of the rows.</param>
    /// <param name="cancellationToken">Checked while waiting for weights.</param>
    public void BatchLogits(ReadOnlySpan<int> rows, DecoderState state, List<float[]> logits, CancellationToken cancellationToken)
    {
        int count = rows.Length;
        if (count == 0)
        {
            return;
        }

        if (count == 1)
        {
            Logits(rows[0], 1, state, logits[0], cancellationToken);
            return;
        }

        // what the last layer has used is free: Projected for the rows next to each other, Gate for some of the vocabulary at a time
        int hidden = config.HiddenSize;
        for (int i = 0; i < count; i++)
        {
            state.Normed.SubView((long)rows[i] * hidden, hidden).CopyTo(state.Projected.SubView((long)i * hidden, hidden), stream);
        }

        var input = new ProductInput(state.Projected.SubView(0, (long)count * hidden), count, hidden, state.ProductScratch);
        int room = (int)Math.Min(state.Gate.Length / count, config.VocabularySize);
        int width = room < HeadAlignment ? room : room / HeadAlignment * HeadAlignment;
        int step = ModelLayout.IndexOf(config.LayerCount, WeightStep.QueryKeyValue);
        for (int piece = 0; piece < weights.PieceCount(step); piece++)
        {
            using WeightLease lease = weights.Take(step, piece, cancellationToken);
            MatrixRows head = lease[0];
            for (int first = 0; first < head.Count; first += width)
            {
                int part = Math.Min(width, head.Count - first);
                WeightView weight = head.Weight.Slice((long)first * hidden, (long)part * hidden);
                kernels.OutputHead.Run(stream, input, weight, state.Gate, part);
                for (int i = 0; i < count; i++)
                {
                    state.Gate.SubView((long)i * part, part).CopyToCPU(stream, logits[i].AsSpan(head.First + first, part));
                }
            }
        }
    }
}
