using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Model;

/// <summary>One sequence on a device: its KV cache and its position.</summary>
public sealed partial class DecoderSession : IDecoderSession
{
    private readonly LlamaModel _model;
    private readonly Decoder _decoder;
    private readonly DecoderState _state;
    private readonly float[] _logits;
    private float[] _chunkLogits = [];

    internal DecoderSession(LlamaModel model, int contextLength, DecoderSessionOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ChunkLength, 1);
        _model = model;
        _decoder = new Decoder(model.Config, model.Source, model.Kernels, model.Accelerator.DefaultStream);
        LlamaConfig config = model.Config;
        int chunkLength = Math.Min(options.ChunkLength, contextLength);
        _state = new DecoderState(
            model.Budget,
            config,
            contextLength,
            chunkLength,
            options.CacheType ?? model.Weights.Layers[0].Key.Type,
            model.Kernels.Attention.PartLength(config.HeadCount, config.KeyValueHeadCount, config.HeadDim),
            model.Kernels.MatMul.ScratchLength(chunkLength, config.LongestInput),
            model.Plan.SliceWidth);
        _logits = new float[model.Config.VocabularySize];

        // where logits lie in the host's memory anyway, nothing is gained
        _choosesOnDevice = config.VocabularySize <= ExactWeights.MaxVocabulary
            && (options.ChoosesOnDevice ?? model.Accelerator.AcceleratorType == AcceleratorType.Cuda);
    }

    /// <inheritdoc/>
    public int VocabularySize => _logits.Length;

    /// <inheritdoc/>
    public int ContextLength => _state.ContextLength;

    /// <inheritdoc/>
    public int Position => _state.Position;

    /// <inheritdoc/>
    public TimeSpan KernelLoadTime => _model.Accelerator.KernelLoading.Time;

    /// <summary>
    /// Called with the result of each step of the forward pass, if set. Attention then goes through scores in device memory, which
    /// are allocated when first needed: results differ by rounding from those of an unobserved session.
    /// </summary>
    public DecoderStepObserver? Observer
    {
        get => _decoder.Observer;
        set => _decoder.Observer = value;
    }

    /// <summary>Shape and constants of the model.</summary>
    public LlamaConfig Config => _model.Config;

    /// <summary>Where its kernels run in order.</summary>
    internal AcceleratorStream Stream => _model.Accelerator.DefaultStream;

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
    public void Dispose()
    {
        _tokenStep?.Dispose();
        _state.Dispose();
    }

    private void ForwardChunks(ReadOnlySpan<int> tokens, LogitsConsumer? allPositions, CancellationToken cancellationToken)
    {
        Check(tokens);
        int start = Position;
        try
        {
            for (int done = 0; done < tokens.Length; done += _state.ChunkLength)
            {
                ReadOnlySpan<int> chunk = tokens.Slice(done, Math.Min(_state.ChunkLength, tokens.Length - done));
                bool isLast = done + chunk.Length == tokens.Length;
                _decoder.Forward(chunk, _state, wantsLogits: isLast || allPositions is not null, cancellationToken);
                if (allPositions is not null)
                {
                    ForwardLogits(start + done, chunk.Length, allPositions, cancellationToken);
                }
                else if (isLast)
                {
                    _decoder.Logits(chunk.Length - 1, 1, _state, _logits, cancellationToken);
                }
            }
        }
        catch
        {
            _state.Position = start;
            throw;
        }
    }

    // the head, which may be streamed, is taken once for all tokens of the chunk
    private void ForwardLogits(int position, int count, LogitsConsumer consumer, CancellationToken cancellationToken)
    {
        if (_chunkLogits.Length == 0)
        {
            _chunkLogits = GC.AllocateUninitializedArray<float>(checked(_state.ChunkLength * VocabularySize));
        }

        _decoder.Logits(0, count, _state, _chunkLogits.AsSpan(0, count * VocabularySize), cancellationToken);
        for (int i = 0; i < count; i++)
        {
            consumer(position + i, _chunkLogits.AsSpan(i * VocabularySize, VocabularySize));
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
