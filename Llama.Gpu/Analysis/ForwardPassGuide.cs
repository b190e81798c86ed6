using Llama.Gpu.Model;

namespace Llama.Gpu.Analysis;

/// <summary>A step of the forward pass, for those who want to learn it.</summary>
/// <param name="Step">The step.</param>
/// <param name="Formula">What is computed.</param>
/// <param name="Shape">Shape of the result, with this model's numbers.</param>
/// <param name="Meaning">What for.</param>
public sealed record GuidedStep(DecoderStep Step, string Formula, string Shape, string Meaning);

/// <summary>What each step of the forward pass computes, in their order.</summary>
public static class ForwardPassGuide
{
    /// <summary>The steps of a model for a prompt.</summary>
    /// <param name="config">The model.</param>
    /// <param name="tokens">Tokens of the prompt.</param>
    public static IReadOnlyList<GuidedStep> Of(LlamaConfig config, int tokens)
    {
        ArgumentNullException.ThrowIfNull(config);
        string hidden = $"{tokens} x {config.HiddenSize}";
        string query = $"{tokens} x {config.HeadCount} x {config.HeadDim}";
        string keyValue = $"{tokens} x {config.KeyValueHeadCount} x {config.HeadDim}";
        return
        [
            new(DecoderStep.Embedding, "x = E[ids]", hidden, "each token's row of the embedding: the residual stream begins"),
            new(DecoderStep.Query, "q = Wq rmsnorm(x)", query, "what each head of each token looks for"),
            new(DecoderStep.Value, "v = Wv rmsnorm(x)", keyValue, "what a token hands over when it is looked at"),
            new(DecoderStep.RotatedKey, "k = rope(Wk rmsnorm(x))", keyValue, "what a token offers to be found by, turned by its position"),
            new(
                DecoderStep.Probabilities,
                $"p = softmax(rope(q) k / sqrt({config.HeadDim}))",
                $"{config.HeadCount} x {tokens} x {tokens}",
                "how much each token takes from each token up to itself; a row sums to 1"),
            new(DecoderStep.Attended, "a = p v", query, "the values, weighted"),
            new(DecoderStep.AttentionResidual, "x = x + Wo a", hidden, "what the heads found is added to the residual stream"),
            new(
                DecoderStep.SwiGlu,
                "s = silu(Wgate rmsnorm(x)) * Wup rmsnorm(x)",
                $"{tokens} x {config.IntermediateSize}",
                "the hidden layer of the MLP: a gate and what it lets through"),
            new(DecoderStep.MlpResidual, "x = x + Wdown s", hidden, "what the MLP computed is added to the residual stream"),
            new(DecoderStep.FinalNorm, "h = rmsnorm(x)", hidden, "brought to one size for the output head"),
            new(DecoderStep.Logits, "logits = Whead h[last]", $"{config.VocabularySize}", "a score for each token that may come next"),
        ];
    }
}
