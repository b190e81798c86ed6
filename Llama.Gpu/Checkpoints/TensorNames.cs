using System.Collections.Immutable;
using System.Globalization;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>The part of a model that a tensor belongs to.</summary>
public enum ModelPart
{
    /// <summary>The token embedding.</summary>
    Embedding,

    /// <summary>Query, key, value and output projections.</summary>
    Attention,

    /// <summary>Gate, up and down projections.</summary>
    Mlp,

    /// <summary>RMSNorm weights.</summary>
    Norm,

    /// <summary>The output head, where it is a matrix of its own.</summary>
    Head,
}

/// <summary>A tensor that a model of some configuration has.</summary>
/// <param name="Name">Hugging Face's name.</param>
/// <param name="Part">What it belongs to.</param>
/// <param name="Shape">Extent of each dimension, outermost first; a projection is (outputs, inputs).</param>
public sealed record ExpectedTensor(string Name, ModelPart Part, ImmutableArray<long> Shape)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, extent) => product * extent);
}

/// <summary>Hugging Face's names of a Llama's tensors, and the shapes that a configuration gives them: the one table of both.</summary>
public static class TensorNames
{
    /// <summary>(vocabulary, hidden).</summary>
    public const string Embedding = "model.embed_tokens.weight";

    /// <summary>(hidden).</summary>
    public const string FinalNorm = "model.norm.weight";

    /// <summary>(vocabulary, hidden); absent where the embedding is the head.</summary>
    public const string OutputHead = "lm_head.weight";

    private const string LayerPrefix = "model.layers.";
    private const string InverseFrequencies = "rotary_emb.inv_freq";

    /// <summary>The names of one layer's tensors.</summary>
    /// <param name="layer">From 0.</param>
    public static LayerTensorNames Layer(int layer) => new(layer);

    /// <summary>Name of the matrix that turns the last hidden state into logits: the embedding where they are tied.</summary>
    public static string HeadOf(LlamaConfig config) => config.TieWordEmbeddings ? Embedding : OutputHead;

    /// <summary>Every tensor of a model, in the order in which PyTorch's state dictionary lists them.</summary>
    public static IEnumerable<ExpectedTensor> Expected(LlamaConfig config)
    {
        long hidden = config.HiddenSize;
        yield return new(Embedding, ModelPart.Embedding, [config.VocabularySize, hidden]);
        for (int i = 0; i < config.LayerCount; i++)
        {
            foreach (var tensor in ExpectedOfLayer(config, Layer(i)))
            {
                yield return tensor;
            }
        }

        yield return new(FinalNorm, ModelPart.Norm, [hidden]);
        if (!config.TieWordEmbeddings)
        {
            yield return new(OutputHead, ModelPart.Head, [config.VocabularySize, hidden]);
        }
    }

    /// <summary>
    /// Whether a tensor that is not among <see cref="Expected"/> may be in a checkpoint all the same, to be ignored as transformers does:
    /// the rotary frequencies that conversions of Llama 1 and 2 stored (they follow from the configuration), and a copy of the
    /// embedding as output head where the two are tied.
    /// </summary>
    public static bool IsIgnored(string name, LlamaConfig config)
    {
        if (name == OutputHead)
        {
            return config.TieWordEmbeddings;
        }

        if (name == "model." + InverseFrequencies)
        {
            return true;
        }

        if (!name.StartsWith(LayerPrefix, StringComparison.Ordinal))
        {
            return false;
        }

        var rest = name.AsSpan(LayerPrefix.Length);
        int dot = rest.IndexOf('.');
        return dot > 0
            && int.TryParse(rest[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out int layer)
            && layer < config.LayerCount
            && rest[(dot + 1)..].SequenceEqual("self_attn." + InverseFrequencies);
    }

    private static IEnumerable<ExpectedTensor> ExpectedOfLayer(LlamaConfig config, LayerTensorNames names)
    {
        long hidden = config.HiddenSize;
        long query = config.QueryWidth;
        long keyValue = config.KeyValueWidth;
        long intermediate = config.IntermediateSize;

        yield return new(names.QueryWeight, ModelPart.Attention, [query, hidden]);
        yield return new(names.KeyWeight, ModelPart.Attention, [keyValue, hidden]);
        yield return new(names.ValueWeight, ModelPart.Attention, [keyValue, hidden]);
        yield return new(names.OutputWeight, ModelPart.Attention, [hidden, query]);
        if (config.AttentionBias)
        {
            yield return new(names.QueryBias, ModelPart.Attention, [query]);
            yield return new(names.KeyBias, ModelPart.Attention, [keyValue]);
            yield return new(names.ValueBias, ModelPart.Attention, [keyValue]);
            yield return new(names.OutputBias, ModelPart.Attention, [hidden]);
        }

        yield return new(names.GateWeight, ModelPart.Mlp, [intermediate, hidden]);
        yield return new(names.UpWeight, ModelPart.Mlp, [intermediate, hidden]);
        yield return new(names.DownWeight, ModelPart.Mlp, [hidden, intermediate]);
        if (config.MlpBias)
        {
            yield return new(names.GateBias, ModelPart.Mlp, [intermediate]);
            yield return new(names.UpBias, ModelPart.Mlp, [intermediate]);
            yield return new(names.DownBias, ModelPart.Mlp, [hidden]);
        }

        yield return new(names.AttentionNorm, ModelPart.Norm, [hidden]);
        yield return new(names.MlpNorm, ModelPart.Norm, [hidden]);
    }
}

/// <summary>The names of one decoder layer's tensors; shapes as (outputs, inputs).</summary>
/// <param name="Layer">From 0.</param>
public readonly record struct LayerTensorNames(int Layer)
{
    /// <summary>RMSNorm before attention: (hidden).</summary>
    public string AttentionNorm => Name("input_layernorm.weight");

    /// <summary>(heads * head dim, hidden).</summary>
    public string QueryWeight => Name("self_attn.q_proj.weight");

    /// <summary>(heads * head dim); with attention bias.</summary>
    public string QueryBias => Name("self_attn.q_proj.bias");

    /// <summary>(KV heads * head dim, hidden).</summary>
    public string KeyWeight => Name("self_attn.k_proj.weight");

    /// <summary>(KV heads * head dim); with attention bias.</summary>
    public string KeyBias => Name("self_attn.k_proj.bias");

    /// <summary>(KV heads * head dim, hidden).</summary>
    public string ValueWeight => Name("self_attn.v_proj.weight");

    /// <summary>(KV heads * head dim); with attention bias.</summary>
    public string ValueBias => Name("self_attn.v_proj.bias");

    /// <summary>(hidden, heads * head dim).</summary>
    public string OutputWeight => Name("self_attn.o_proj.weight");

    /// <summary>(hidden); with attention bias.</summary>
    public string OutputBias => Name("self_attn.o_proj.bias");

    /// <summary>RMSNorm before the MLP: (hidden).</summary>
    public string MlpNorm => Name("post_attention_layernorm.weight");

    /// <summary>(intermediate, hidden).</summary>
    public string GateWeight => Name("mlp.gate_proj.weight");

    /// <summary>(intermediate); with MLP bias.</summary>
    public string GateBias => Name("mlp.gate_proj.bias");

    /// <summary>(intermediate, hidden).</summary>
    public string UpWeight => Name("mlp.up_proj.weight");

    /// <summary>(intermediate); with MLP bias.</summary>
    public string UpBias => Name("mlp.up_proj.bias");

    /// <summary>(hidden, intermediate).</summary>
    public string DownWeight => Name("mlp.down_proj.weight");

    /// <summary>(hidden); with MLP bias.</summary>
    public string DownBias => Name("mlp.down_proj.bias");

    private string Name(string tensor) => string.Create(CultureInfo.InvariantCulture, $"model.layers.{Layer}.{tensor}");
}
