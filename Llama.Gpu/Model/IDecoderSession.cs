namespace Llama.Gpu.Model;

/// <summary>One sequence being decoded: its position and its KV cache. Not for use by two threads at once.</summary>
public interface IDecoderSession : IDisposable
{
    /// <summary>Length of the logits.</summary>
    int VocabularySize { get; }

    /// <summary>Positions the KV cache has room for.</summary>
    int ContextLength { get; }

    /// <summary>Number of tokens the cache holds.</summary>
    int Position { get; }

    /// <summary>Time that has gone so far into compiling kernels for where the session runs; zero where nothing is compiled.</summary>
    TimeSpan KernelLoadTime => TimeSpan.Zero;

    /// <summary>Appends tokens (prefill when several, decode when one) and computes the logits after the last of them.</summary>
    /// <param name="tokens">At least one token id, each below <see cref="VocabularySize"/>; together they must fit into the context.</param>
    /// <param name="cancellationToken">Checked between layers; when it fires, the session stands where it stood before the call.</param>
    /// <returns>f32 logits, <see cref="VocabularySize"/> of them; valid until the next call on this session.</returns>
    /// <exception cref="ContextOverflowException">The tokens do not fit into the context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No token, or an id outside the vocabulary.</exception>
    ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="Forward"/>, with the logits after every token rather than the last alone.</summary>
    /// <param name="tokens">At least one token id.</param>
    /// <param name="consumer">Called once for each token, in order.</param>
    /// <param name="cancellationToken">Checked between layers; the session then stands where it stood before the call.</param>
    /// <exception cref="ContextOverflowException">The tokens do not fit into the context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No token, or an id outside the vocabulary.</exception>
    void ForwardAll(ReadOnlySpan<int> tokens, LogitsConsumer consumer, CancellationToken cancellationToken = default);

    /// <summary>Forgets every token from <paramref name="position"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative, or beyond <see cref="Position"/>.</exception>
    void Rewind(int position);
}

/// <summary>Sees the logits after one position.</summary>
/// <param name="position">The position, counted from the beginning of the sequence.</param>
/// <param name="logits">f32, one for each token of the vocabulary; valid during the call.</param>
public delegate void LogitsConsumer(int position, ReadOnlySpan<float> logits);
