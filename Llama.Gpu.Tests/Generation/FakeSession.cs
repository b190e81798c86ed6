using Llama.Gpu.Model;

namespace Llama.Gpu.Tests.Generation;

/// <summary>A session without a model: says the tokens of a script, one after the other, whatever it is given.</summary>
internal sealed class FakeSession(int vocabularySize, int contextLength, int promptLength, params int[] script) : IDecoderSession
{
    private readonly List<int> _tokens = [];

    public int VocabularySize => vocabularySize;

    public int ContextLength => contextLength;

    public int Position => _tokens.Count;

    /// <summary>The tokens the session holds.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>Number of calls so far.</summary>
    public int Calls { get; private set; }

    public bool Disposed { get; private set; }

    public TimeSpan KernelLoadTime { get; set; }

    /// <summary>Runs at the start of each call, with the number of calls before it.</summary>
    public Action<int, CancellationToken>? OnForward { get; init; }

    /// <summary>Runs at the end of each call, with the number of tokens it was given.</summary>
    public Action<int>? AfterForward { get; init; }

    /// <summary>Overrides the script: logits from the tokens held.</summary>
    public Func<IReadOnlyList<int>, float[]>? Logits { get; init; }

    public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens, CancellationToken cancellationToken = default)
    {
        OnForward?.Invoke(Calls, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        Calls++;
        if (Position + tokens.Length > ContextLength)
        {
            throw new ContextOverflowException(Position, tokens.Length, ContextLength);
        }

        _tokens.AddRange(tokens);
        AfterForward?.Invoke(tokens.Length);
        if (Logits is not null)
        {
            return Logits(_tokens);
        }

        var logits = new float[vocabularySize];
        int next = _tokens.Count - promptLength;
        logits[next < script.Length ? script[next] : 0] = 1f;
        return logits;
    }

    public void ForwardAll(ReadOnlySpan<int> tokens, LogitsConsumer consumer, CancellationToken cancellationToken = default)
    {
        foreach (int token in tokens)
        {
            consumer(Position, Forward([token], cancellationToken));
        }
    }

    public void Rewind(int position) => _tokens.RemoveRange(position, _tokens.Count - position);

    public void Dispose() => Disposed = true;
}
