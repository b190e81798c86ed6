namespace Llama.Gpu.Model;

/// <summary>One sequence on a device: its KV cache and its position.</summary>
public sealed partial class DecoderSession : IDecoderSession
{
    private readonly LlamaModel _model;
    private readonly Decoder _decoder;
    private readonly DecoderState _state;
    private readonly float[] _logits;

    internal DecoderSession(LlamaModel model, int contextLength, DecoderSessionOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ChunkLength, 1);
        _model = model;
        _decoder = new Decoder(model.Config, model.Weights, model.Kernels, model.Accelerator.DefaultStream);
        LlamaConfig config = model.Config;
        _state = new DecoderState(
            model.Accelerator,
            config,
            contextLength,
            Math.Min(options.ChunkLength, contextLength),
            options.CacheType ?? model.Weights.Layers[0].Key.Weight.Type,
            model.Kernels.Attention.PartLength(config.HeadCount, config.KeyValueHeadCount, config.HeadDim));
        _logits = new float[model.Config.VocabularySize];
    }

    /// <inheritdoc/>
    public int VocabularySize => _logits.Length;

    /// <inheritdoc/>
    public int ContextLength => _state.ContextLength;

    /// <inheritdoc/>
    public int Position => _state.Position;

    /// <summary>
    /// Called with the result of each step of the forward pass, if set. Attention then goes through scores in device memory, which
    /// are allocated when first needed: results differ by rounding from those of an unobserved session.
    /// </summary>
    public DecoderStepObserver? Observer
    {
        get => _decoder.Observer;
        set => _decoder.Observer = value;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens, CancellationToken cancellationToken = default)
    {
        ForwardChunks(tokens, allPositions: null, cancellationToken);
        return _logits;
    }

    /// <inheritdoc/>
    public void ForwardAll(ReadOnlySpan<int> tokens, LogitsConsumer consumer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(consumer);
        ForwardChunks(tokens, consumer, cancellationToken);
    }

    /// <inheritdoc/>
    public void Rewind(int position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Position);
        _state.Position = position;
    }

    /// <summary>Frees the KV cache and the activations.</summary>
    public void Dispose() => _state.Dispose();

    private void ForwardChunks(ReadOnlySpan<int> tokens, LogitsConsumer? allPositions, CancellationToken cancellationToken)
    {
        Check(tokens);
        int start = Position;
        try
        {
            for (int done = 0; done < tokens.Length; done += _state.ChunkLength)
            {
                ReadOnlySpan<int> chunk = tokens.Slice(done, Math.Min(_state.ChunkLength, tokens.Length - done));
                _decoder.Forward(chunk, _state, cancellationToken);
                for (int i = 0; allPositions is not null && i < chunk.Length; i++)
                {
                    _decoder.Logits(i, _state, _logits);
                    allPositions(start + done + i, _logits);
                }

                if (allPositions is null && done + chunk.Length == tokens.Length)
                {
                    _decoder.Logits(chunk.Length - 1, _state, _logits);
                }
            }
        }
        catch
        {
            _state.Position = start;
            throw;
        }
    }

    private void Check(ReadOnlySpan<int> tokens)
    {
        if (tokens.IsEmpty)
        {
            throw new ArgumentOutOfRangeException(nameof(tokens), "expected at least one token, found none");
        }

        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)VocabularySize)
            {
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"expected token ids from 0 to {VocabularySize - 1}");
            }
        }

        if (tokens.Length > ContextLength - Position)
        {
            throw new ContextOverflowException(Position, tokens.Length, ContextLength);
        }
    }
}
