namespace Llama.Gpu.Model;

/// <summary>A session whose tokens can be computed together with those of other sessions of the same model, in one pass over its weights.</summary>
public interface IBatchSession : IDecoderSession
{
    /// <summary>
    /// Appends tokens to several sessions, each at its own position, and computes the logits after the last token of each. The pass runs
    /// in this session's activations: up to as many tokens at a time as its chunks have. Results agree with those of
    /// <see cref="IDecoderSession.Forward"/> within the tolerance between prefill and decoding: the same products are added up in another order.
    /// </summary>
    /// <param name="entries">The sessions, this one among them or not, each once.</param>
    /// <param name="consumer">Called once for each entry, in order, when all is computed.</param>
    /// <param name="cancellationToken">Checked between layers; every session then stands where it stood before the call.</param>
    /// <returns>False, and nothing is done, where the sessions are of another kind or model, or observed.</returns>
    /// <exception cref="ArgumentException">A session is there twice.</exception>
    /// <exception cref="ContextOverflowException">Tokens do not fit into their session's context; nothing is done.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No token in an entry, or an id outside the vocabulary; nothing is done.</exception>
    bool TryForwardBatch(IReadOnlyList<BatchEntry> entries, BatchLogitsConsumer consumer, CancellationToken cancellationToken = default);
}

/// <summary>What a batch appends to one session.</summary>
/// <param name="Session">The session.</param>
/// <param name="Tokens">At least one token id; together they must fit into its context.</param>
public readonly record struct BatchEntry(IDecoderSession Session, ReadOnlyMemory<int> Tokens);

/// <summary>Sees the logits of one entry of a batch.</summary>
/// <param name="entry">Its place in the batch.</param>
/// <param name="logits">f32, one for each token of the vocabulary; valid until the next call on its session.</param>
public delegate void BatchLogitsConsumer(int entry, ReadOnlySpan<float> logits);
