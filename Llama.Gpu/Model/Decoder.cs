using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Model;

/// <summary>The forward pass of a Llama: the list of kernels that turn tokens into logits.</summary>
internal sealed class Decoder(LlamaConfig config, LlamaWeights weights, KernelSet kernels, AcceleratorStream stream)
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
    /// <param name="cancellationToken">Checked before each layer.</param>
    public void Forward(ReadOnlySpan<int> tokens, DecoderState state, CancellationToken cancellationToken)
    {
        int n = tokens.Length;
        int hidden = config.HiddenSize;
        float scale = 1f / MathF.Sqrt(config.HeadDim);
        var shape = new AttentionShape(n, state.Position, config.HeadCount, config.KeyValueHeadCount, config.HeadDim);

        // x = embedding[tokens]
        state.Tokens.CopyFromCPU(stream, tokens);
        kernels.EmbeddingGather.Run(stream, state.Tokens, weights.Embedding, state.Hidden, n, config.VocabularySize, hidden);
        Observe(DecoderStep.Embedding, -1, state.Hidden, n, hidden);

        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LayerWeights w = weights.Layers[layer];

            // q, k, v = W rmsnorm(x)
            ProjectQueriesKeysAndValues(w, state, n);
            Observe(DecoderStep.Query, layer, state.Query, n, config.QueryWidth);
            Observe(DecoderStep.Value, layer, state.Value, n, config.KeyValueWidth);

            // keys are rotated once, on their way into the cache
            kernels.KeyValueCacheAppend.Run(
                stream, state.Key, state.Value, state.Cosines, state.Sines, state.KeyCache[layer], state.ValueCache[layer], shape);
            ObserveRotatedKey(layer, state, n);

            // x += Wo (softmax(rope(q) k / sqrt(headDim)) v)
            Attend(layer, state, shape, scale);
            Observe(DecoderStep.Attended, layer, state.Attended, n, config.QueryWidth);
            AddProjected(w.Output, state.Attended, state, n);
            Observe(DecoderStep.AttentionResidual, layer, state.Hidden, n, hidden);

            // x += Wdown (silu(Wgate rmsnorm(x)) * Wup rmsnorm(x))
            ProjectGateAndUp(w, state, n);
            Observe(DecoderStep.SwiGlu, layer, state.Gate, n, config.IntermediateSize);
            AddProjected(w.Down, state.Gate, state, n);
            Observe(DecoderStep.MlpResidual, layer, state.Hidden, n, hidden);
        }

        kernels.RmsNorm.Run(stream, state.Hidden, weights.FinalNorm, state.Normed, n, hidden, config.RmsNormEpsilon);
        Observe(DecoderStep.FinalNorm, -1, state.Normed, n, hidden);
        state.Position += n;
    }

    /// <summary>Logits after token <paramref name="token"/> of the last chunk: <c>Whead rmsnorm(x)</c>.</summary>
    public void Logits(int token, DecoderState state, Span<float> logits)
    {
        ArrayView<float> row = state.Normed.SubView((long)token * config.HiddenSize, config.HiddenSize);
        kernels.OutputHead.Run(stream, row, weights.Head, state.Logits, 1, config.VocabularySize, config.HiddenSize);
        Observe(DecoderStep.Logits, -1, state.Logits, 1, config.VocabularySize);
        state.Logits.CopyToCPU(stream, logits);
    }

    private void Attend(int layer, DecoderState state, AttentionShape shape, float scale)
    {
        WeightView keys = state.KeyCache[layer];
        WeightView values = state.ValueCache[layer];
        if (Observer is null)
        {
            kernels.Attention.Run(
                stream, state.Query, keys, values, state.Cosines, state.Sines, state.Attended, state.AttentionParts, shape, scale);
            return;
        }

        // the same in three steps, for the sake of the probabilities between them
        ArrayView<float> scores = state.Scores.SubView(0, (long)shape.HeadCount * shape.TokenCount * shape.PositionCount);
        kernels.RopeScores.Run(stream, state.Query, keys, state.Cosines, state.Sines, scores, shape, scale);
        kernels.CausalSoftmax.Run(stream, scores, shape);
        Observe(DecoderStep.Probabilities, layer, scores, 1, scores.Length);
        kernels.AttentionWeightedSum.Run(stream, scores, values, state.Attended, shape);
    }

    // the cache has them rounded to its type
    private void ObserveRotatedKey(int layer, DecoderState state, int n)
    {
        if (Observer is not null)
        {
            kernels.Rope.Run(
                stream, state.Key, state.Cosines, state.Sines, n, config.KeyValueHeadCount, config.HeadDim, state.Position);
            Observe(DecoderStep.RotatedKey, layer, state.Key, n, config.KeyValueWidth);
        }
    }

    // for one token in one launch, if the weights have one type
    private void ProjectQueriesKeysAndValues(LayerWeights w, DecoderState state, int n)
    {
        int hidden = config.HiddenSize;
        if (n == 1 && kernels.QkvProjection.Takes(hidden) && HaveOneType(w.AttentionNorm, w.Query.Weight, w.Key.Weight, w.Value.Weight))
        {
            kernels.QkvProjection.Run(
                stream,
                state.Hidden,
                w.AttentionNorm,
                w.Query.Weight,
                w.Key.Weight,
                w.Value.Weight,
                state.Query,
                state.Key,
                state.Value,
                config.QueryWidth,
                config.KeyValueWidth,
                hidden,
                config.RmsNormEpsilon);
        }
        else
        {
            kernels.RmsNorm.Run(stream, state.Hidden, w.AttentionNorm, state.Normed, n, hidden, config.RmsNormEpsilon);
            Multiply(w.Query, state.Normed, state.Query, n);
            Multiply(w.Key, state.Normed, state.Key, n);
            Multiply(w.Value, state.Normed, state.Value, n);
        }

        AddBias(w.Query, state.Query, n);
        AddBias(w.Key, state.Key, n);
        AddBias(w.Value, state.Value, n);
    }

    private void ProjectGateAndUp(LayerWeights w, DecoderState state, int n)
    {
        int hidden = config.HiddenSize;
        int inner = config.IntermediateSize;
        bool hasBias = w.Gate.Bias is not null || w.Up.Bias is not null;
        if (n == 1 && !hasBias && kernels.GateUpProjection.Takes(hidden) && HaveOneType(w.MlpNorm, w.Gate.Weight, w.Up.Weight))
        {
            kernels.GateUpProjection.Run(
                stream, state.Hidden, w.MlpNorm, w.Gate.Weight, w.Up.Weight, state.Gate, inner, hidden, config.RmsNormEpsilon);
            return;
        }

        kernels.RmsNorm.Run(stream, state.Hidden, w.MlpNorm, state.Normed, n, hidden, config.RmsNormEpsilon);
        Multiply(w.Gate, state.Normed, state.Gate, n);
        AddBias(w.Gate, state.Gate, n);
        Multiply(w.Up, state.Normed, state.Up, n);
        AddBias(w.Up, state.Up, n);
        kernels.SwiGlu.Run(stream, state.Gate, state.Up, state.Gate, n, inner);
    }

    // x += W input + bias
    private void AddProjected(in Projection projection, ArrayView<float> input, DecoderState state, int n)
    {
        if (n == 1)
        {
            kernels.MatVec.RunAdd(stream, input, projection.Weight, state.Hidden, projection.Outputs, projection.Inputs);
        }
        else
        {
            Multiply(projection, input, state.Projected, n);
            kernels.ResidualAdd.Run(stream, state.Hidden, state.Projected, n, projection.Outputs);
        }

        AddBias(projection, state.Hidden, n);
    }

    private void Multiply(in Projection projection, ArrayView<float> input, ArrayView<float> output, int tokens)
    {
        if (tokens == 1)
        {
            kernels.MatVec.Run(stream, input, projection.Weight, output, projection.Outputs, projection.Inputs);
        }
        else
        {
            kernels.MatMul.Run(stream, input, projection.Weight, output, tokens, projection.Outputs, projection.Inputs);
        }
    }

    private void AddBias(in Projection projection, ArrayView<float> output, int tokens)
    {
        if (projection.Bias is { } bias)
        {
            kernels.BiasAdd.Run(stream, output, bias, tokens, projection.Outputs);
        }
    }

    private static bool HaveOneType(params ReadOnlySpan<WeightView> weights)
    {
        foreach (WeightView weight in weights)
        {
            if (weight.Type != weights[0].Type)
            {
                return false;
            }
        }

        return true;
    }

    private void Observe(DecoderStep step, int layer, ArrayView<float> values, int rows, long width) =>
        Observer?.Invoke(step, layer, values.SubView(0, rows * width));
}
