using Llama.Gpu.Jit;

namespace Llama.Gpu.Model;

/// <summary>Rows of a chunk that are tokens of one sequence: a chunk may hold tokens of several, those of each next to each other.</summary>
/// <param name="Sequence">Whose position and KV cache they have.</param>
/// <param name="First">The first row.</param>
/// <param name="Count">Number of rows, at least 1.</param>
internal readonly record struct SequenceRows(DecoderState Sequence, int First, int Count)
{
    /// <summary>These rows of an activation.</summary>
    /// <param name="activation">(T, width).</param>
    /// <param name="width">Length of a row.</param>
    public ArrayView<float> Of(ArrayView<float> activation, int width) => activation.SubView((long)First * width, (long)Count * width);

    /// <summary>What attention is to these rows.</summary>
    public AttentionShape Shape(LlamaConfig config) =>
        new(Count, Sequence.Position, config.HeadCount, config.KeyValueHeadCount, config.HeadDim);
}
