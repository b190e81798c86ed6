using Llama.Gpu.Model;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// Where the decoder takes its weights, step by step and piece by piece in the order of the forward pass, resident or streamed alike.
/// </summary>
internal interface IWeightSource
{
    /// <summary>What is always on the device: norms, biases, and the shapes of the projections.</summary>
    LlamaWeights Small { get; }

    /// <summary>The embedding, if it is on the device.</summary>
    WeightView? Embedding { get; }

    /// <summary>Begins a pass: every piece of every layer will be taken in order, and those of the head if it is wanted.</summary>
    void BeginPass(bool withHead);

    /// <summary>Number of pieces of a step.</summary>
    /// <param name="step">As <see cref="ModelLayout.IndexOf"/> counts.</param>
    int PieceCount(int step);

    /// <summary>A piece, for launches until it is disposed; only one at a time.</summary>
    /// <exception cref="OperationCanceledException">Cancelled while waiting for it.</exception>
    /// <exception cref="Checkpoints.CheckpointException">It could not be read.</exception>
    WeightLease Take(int step, int piece, CancellationToken cancellationToken);

    /// <summary>Widens rows of the embedding to f32 on the host.</summary>
    /// <param name="tokens">The rows.</param>
    /// <param name="hidden">(tokens, hidden).</param>
    void GatherEmbedding(ReadOnlySpan<int> tokens, Span<float> hidden);
}
