using Llama.Gpu.Model;

namespace Llama.Gpu.Cli.Output;

/// <summary>A model's configuration as names and values, the names as Hugging Face's <c>config.json</c> has them.</summary>
internal static class ConfigFields
{
    public static IEnumerable<(string Name, object? Value)> Of(LlamaConfig config)
    {
        yield return ("vocab_size", config.VocabularySize);
        yield return ("hidden_size", config.HiddenSize);
        yield return ("intermediate_size", config.IntermediateSize);
        yield return ("num_hidden_layers", config.LayerCount);
        yield return ("num_attention_heads", config.HeadCount);
        yield return ("num_key_value_heads", config.KeyValueHeadCount);
        yield return ("head_dim", config.HeadDim);
        yield return ("max_position_embeddings", config.MaxPositions);
        yield return ("rms_norm_eps", config.RmsNormEpsilon);
        yield return ("rope_theta", config.RopeTheta);
        foreach (var field in Of(config.RopeScaling))
        {
            yield return field;
        }

        yield return ("tie_word_embeddings", config.TieWordEmbeddings);
        yield return ("attention_bias", config.AttentionBias);
        yield return ("mlp_bias", config.MlpBias);
        yield return ("bos_token_id", config.BeginOfTextId);
        yield return ("eos_token_id", config.EndOfTextIds.ToArray());
        yield return ("torch_dtype", config.DeclaredType is { } type ? TypeNames.Of(type) : null);
    }

    private static IEnumerable<(string Name, object? Value)> Of(RopeScaling? scaling)
    {
        switch (scaling)
        {
            case LinearRopeScaling linear:
                yield return ("rope_type", "linear");
                yield return ("rope_factor", linear.Factor);
                break;
            case Llama3RopeScaling llama3:
                yield return ("rope_type", "llama3");
                yield return ("rope_factor", llama3.Factor);
                yield return ("rope_low_freq_factor", llama3.LowFrequencyFactor);
                yield return ("rope_high_freq_factor", llama3.HighFrequencyFactor);
                yield return ("rope_original_max_position_embeddings", llama3.OriginalMaxPositions);
                break;
            default:
                yield return ("rope_type", scaling?.GetType().Name);
                break;
        }
    }
}
