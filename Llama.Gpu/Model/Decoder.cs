using System.Buffers;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Profiling;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Model;

/// <summary>The forward pass of a Llama: the list of kernels that turn tokens into logits.</summary>
internal sealed partial class Decoder(LlamaConfig config, IWeightSource weights, KernelSet kernels, AcceleratorStream stream)
{
    /// <summary>
    /// Called after each step, if set. Attention then takes its steps one by one, with the scores in device memory; results agree
    /// with those of the one pass but for rounding.
    /// </summary>
    public DecoderStepObserver? Observer { get; set; }

    /// <summary>
    /// Appends a chunk of tokens to the sequence: writes their keys and values into the cache and leaves their final hidden
    /// states, normalized, in <see cref="DecoderState.Normed"/>. The position advances only when all is done.
    /// </summary>
    /// <param name="tokens">1 to <see cref="DecoderState.ChunkLength"/> ids that fit into the context.</param>
    /// <param name="state">The sequence.</param>
    /// <param name="wantsLogits">Whether <see cref="Logits"/> follows, so that its weights can be on their way.</param>
    /// <param name="cancellationToken">Checked before each layer, and while waiting for weights.</param>
    public void Forward(ReadOnlySpan<int> tokens, DecoderState state, bool wantsLogits, CancellationToken cancellationToken) =>
        Forward(tokens, state, [new SequenceRows(state, 0, tokens.Length)], wantsLogits, cancellationToken);

    /// <summary>As the other, with tokens of several sequences in one chunk: all but attention is done for all of them at once.</summary>
    /// <param name="tokens">1 to <see cref="DecoderState.ChunkLength"/> ids that fit into their contexts.</param>
    /// <param name="state">The activations to compute in.</param>
    /// <param name="sequences">Whose the tokens are: every row once, in order.</param>
    /// <param name="wantsLogits">Whether <see cref="Logits"/> or <see cref="BatchLogits"/> follows.</param>
    /// <param name="cancellationToken">Checked before each layer, and while waiting for weights.</param>
    public void Forward(
        ReadOnlySpan<int> tokens,
        DecoderState state,
        ReadOnlySpan<SequenceRows> sequences,
        bool wantsLogits,
        CancellationToken cancellationToken)
    {
        int n = tokens.Length;
        using var pass = ProfilerRange.Begin(n == 1 ? "token" : "prefill", state.Position);
        weights.BeginPass(wantsLogits);
        state.Place(stream, tokens);

        // x = embedding[tokens]
        Embed(tokens, state);
        Observe(DecoderStep.Embedding, -1, state.Hidden, n, config.HiddenSize);
        Layers(n, state, sequences, kernels.Attention.PrefersToken, cancellationToken);
        foreach (SequenceRows rows in sequences)
        {
            rows.Sequence.Position += rows.Count;
        }
    }

    /// <summary>
    /// Whether <see cref="LaunchToken"/> can compute this sequence: weights on the device, whole and without biases on queries, keys and
    /// values, nobody observing.
    /// </summary>
    public bool RunsOnDevicePosition(DecoderState state)
    {
        bool takes = weights.Embedding is not null && kernels.Attention.TakesToken;
        for (int layer = 0; layer < config.LayerCount && takes; layer++)
        {
            takes = AppendsInOneLaunch(layer, weights.Small.Layers[layer], state);
        }

        return takes;
    }

    /// <summary>
    /// The launches of one token and of its logits, with nothing from the host: its id and its position are read on the device, and the
    /// same launches serve the next token. <see cref="DecoderState.Position"/> is left to the caller.
    /// </summary>
    public void LaunchToken(DecoderState state)
    {
        weights.BeginPass(withHead: true);
        kernels.EmbeddingGather.Run(
            stream, state.Tokens, weights.Embedding!.Value, state.Hidden, 1, config.VocabularySize, config.HiddenSize);
        Layers(1, state, [new SequenceRows(state, 0, 1)], readsPosition: true, CancellationToken.None);
        Head(0, state, CancellationToken.None);
    }

    // leaves the final hidden states, normalized; attention of one token may read its position on the device
    private void Layers(
        int n, DecoderState state, ReadOnlySpan<SequenceRows> sequences, bool readsPosition, CancellationToken cancellationToken)
    {
        int hidden = config.HiddenSize;
        float scale = 1f / MathF.Sqrt(config.HeadDim);
        bool isOwnToken = n == 1 && sequences[0].Sequence == state;
        readsPosition &= isOwnToken && Observer is null;
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var layerRange = ProfilerRange.Begin("layer", layer);
            LayerWeights w = weights.Small.Layers[layer];

            // q, k, v = W rmsnorm(x), the keys rotated once, on their way into the cache; each sequence has positions and a cache of its own
            bool appends = isOwnToken && (readsPosition || kernels.QkvAppend.Pays) && AppendsInOneLaunch(layer, w, state);
            if (appends)
            {
                AppendToken(layer, w, state, cancellationToken);
            }
            else
            {
                ProjectQueriesKeysAndValues(layer, w, state, n, cancellationToken);
                Observe(DecoderStep.Query, layer, state.Query, n, config.QueryWidth);
                Observe(DecoderStep.Value, layer, state.Value, n, config.KeyValueWidth);
            }

            foreach (SequenceRows rows in sequences)
            {
                if (!appends)
                {
                    AppendToCache(layer, state, rows);
                }

                Attend(layer, state, rows, scale, readsPosition);
            }

            // x += Wo (softmax(rope(q) k / sqrt(headDim)) v)
            Observe(DecoderStep.Attended, layer, state.Attended, n, config.QueryWidth);
            AddProjected(ModelLayout.IndexOf(layer, WeightStep.AttentionOutput), w.Output, state.Attended, state, n, cancellationToken);
            Observe(DecoderStep.AttentionResidual, layer, state.Hidden, n, hidden);

            // x += Wdown (silu(Wgate rmsnorm(x)) * Wup rmsnorm(x))
            ProjectGateAndUp(layer, w, state, n, cancellationToken);
            Observe(DecoderStep.SwiGlu, layer, state.Gate, n, config.IntermediateSize);
            AddProjected(ModelLayout.IndexOf(layer, WeightStep.Down), w.Down, state.Gate, state, n, cancellationToken);
            Observe(DecoderStep.MlpResidual, layer, state.Hidden, n, hidden);
        }

        kernels.RmsNorm.Run(stream, state.Hidden, weights.Small.FinalNorm, state.Normed, n, hidden, config.RmsNormEpsilon);
        Observe(DecoderStep.FinalNorm, -1, state.Normed, n, hidden);
    }

    /// <summary>
    /// Logits after neighbouring tokens of the last chunk: <c>Whead rmsnorm(x)</c>. Once after each
    /// <c>Forward</c> that was told so.
    /// </summary>
    /// <param name="first">The first of the tokens.</param>
    /// <param name="count">Number of tokens.</param>
    /// <param name="state">The sequence.</param>
    /// <param name="logits">(count, vocabulary) result.</param>
    /// <param name="cancellationToken">Checked while waiting for weights.</param>
    public void Logits(int first, int count, DecoderState state, Span<float> logits, CancellationToken cancellationToken)
    {
        using var head = ProfilerRange.Begin("logits", count);
        int vocabulary = config.VocabularySize;
        if (count == 1)
        {
            Head(first, state, cancellationToken);
            state.Logits.CopyToCPU(stream, logits);
        }
        else
        {
            HeadOfMany(first, count, state, logits, cancellationToken);
        }

        for (int token = 0; Observer is not null && token < count; token++)
        {
            state.Logits.CopyFromCPU(stream, logits.Slice(token * vocabulary, vocabulary));
            Observe(DecoderStep.Logits, -1, state.Logits, 1, vocabulary);
        }
    }

    /// <summary>The same for one token, with the result left in <see cref="DecoderState.Logits"/>.</summary>
    public void Head(int token, DecoderState state, CancellationToken cancellationToken)
    {
        int step = ModelLayout.IndexOf(config.LayerCount, WeightStep.QueryKeyValue);
        for (int i = 0; i < weights.PieceCount(step); i++)
        {
            using WeightLease piece = weights.Take(step, i, cancellationToken);
            HeadRows(piece[0], state, token);
        }
    }

    private void HeadOfMany(int first, int count, DecoderState state, Span<float> logits, CancellationToken cancellationToken)
    {
        int step = ModelLayout.IndexOf(config.LayerCount, WeightStep.QueryKeyValue);
        for (int i = 0; i < weights.PieceCount(step); i++)
        {
            using WeightLease piece = weights.Take(step, i, cancellationToken);
            MatrixRows rows = piece[0];
            for (int token = 0; token < count; token++)
            {
                ArrayView<float> part = HeadRows(rows, state, first + token);
                part.CopyToCPU(stream, logits.Slice((token * config.VocabularySize) + rows.First, rows.Count));
            }
        }
    }

    private ArrayView<float> HeadRows(in MatrixRows rows, DecoderState state, int token)
    {
        int hidden = config.HiddenSize;
        ArrayView<float> part = state.Logits.SubView(rows.First, rows.Count);
        kernels.OutputHead.Run(stream, state.Normed.SubView((long)token * hidden, hidden), rows.Weight, part, 1, rows.Count, hidden);
        return part;
    }

    // where the table is not on the device, its rows are gathered on the host
    private void Embed(ReadOnlySpan<int> tokens, DecoderState state)
    {
        int n = tokens.Length;
        int hidden = config.HiddenSize;
        if (weights.Embedding is { } table)
        {
            kernels.EmbeddingGather.Run(stream, state.Tokens, table, state.Hidden, n, config.VocabularySize, hidden);
            return;
        }

        float[] rows = ArrayPool<float>.Shared.Rent(n * hidden);
        try
        {
            Span<float> gathered = rows.AsSpan(0, n * hidden);
            weights.GatherEmbedding(tokens, gathered);
            state.Hidden.CopyFromCPU(stream, gathered);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rows);
        }
    }

    // keys are rotated once, on their way into the cache
    private void AppendToCache(int layer, DecoderState state, SequenceRows rows)
    {
        DecoderState sequence = rows.Sequence;
        ArrayView<float> keys = rows.Of(state.Key, config.KeyValueWidth);
        ArrayView<float> values = rows.Of(state.Value, config.KeyValueWidth);
        WeightView keyCache = sequence.KeyCache[layer];
        WeightView valueCache = sequence.ValueCache[layer];
        kernels.KeyValueCacheAppend.Run(
            stream, keys, values, sequence.Cosines, sequence.Sines, keyCache, valueCache, rows.Shape(config));
        if (Observer is not null)
        {
            // the cache has them rounded to its type
            kernels.Rope.Run(
                stream, keys, sequence.Cosines, sequence.Sines, rows.Count, config.KeyValueHeadCount, config.HeadDim, sequence.Position);
            Observe(DecoderStep.RotatedKey, layer, keys, rows.Count, config.KeyValueWidth);
        }
    }

    private void Attend(int layer, DecoderState state, SequenceRows rows, float scale, bool readsPosition)
    {
        DecoderState sequence = rows.Sequence;
        AttentionShape shape = rows.Shape(config);
        ArrayView<float> queries = rows.Of(state.Query, config.QueryWidth);
        ArrayView<float> attended = rows.Of(state.Attended, config.QueryWidth);
        WeightView keys = sequence.KeyCache[layer];
        WeightView values = sequence.ValueCache[layer];
        var operands = new AttentionOperands(queries, keys, values, sequence.Cosines, sequence.Sines, attended, shape, scale);
        if (readsPosition)
        {
            kernels.Attention.RunToken(
                stream, operands with { Shape = LastToken(state) }, state.AttentionParts, state.Arrivals, state.DevicePosition);
            return;
        }

        if (Observer is null)
        {
            kernels.Attention.Run(stream, operands, state.AttentionParts);
            return;
        }

        // the same in three steps, for the sake of the probabilities between them
        ArrayView<float> scores = state.Scores.SubView(0, (long)shape.HeadCount * shape.TokenCount * shape.PositionCount);
        kernels.RopeScores.Run(stream, queries, keys, sequence.Cosines, sequence.Sines, scores, shape, scale);
        kernels.CausalSoftmax.Run(stream, scores, shape);
        Observe(DecoderStep.Probabilities, layer, scores, 1, scores.Length);
        kernels.AttentionWeightedSum.Run(stream, scores, values, attended, shape);
    }

    // extents of a token at the last position that the cache has room for
    private AttentionShape LastToken(DecoderState state) =>
        new(1, state.ContextLength - 1, config.HeadCount, config.KeyValueHeadCount, config.HeadDim);

    private void Observe(DecoderStep step, int layer, ArrayView<float> values, int rows, long width) =>
        Observer?.Invoke(step, layer, values.SubView(0, rows * width));
}
