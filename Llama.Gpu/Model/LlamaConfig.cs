using System.Collections.Immutable;

namespace Llama.Gpu.Model;

/// <summary>Shape and constants of a Llama model, as its checkpoint states them (Hugging Face's <c>config.json</c> names in brackets).</summary>
public sealed record LlamaConfig
{
    /// <summary>Number of token ids: rows of the embedding and of the output head (<c>vocab_size</c>).</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the residual stream (<c>hidden_size</c>).</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the gated MLP (<c>intermediate_size</c>).</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of decoder layers (<c>num_hidden_layers</c>).</summary>
    public required int LayerCount { get; init; }

    /// <summary>Number of query heads (<c>num_attention_heads</c>).</summary>
    public required int HeadCount { get; init; }

    /// <summary>Number of key and value heads; divides <see cref="HeadCount"/> (<c>num_key_value_heads</c>).</summary>
    public required int KeyValueHeadCount { get; init; }

    /// <summary>Width of one head; even (<c>head_dim</c>, or hidden size over heads where it is absent).</summary>
    public required int HeadDim { get; init; }

    /// <summary>Longest sequence the model was made for (<c>max_position_embeddings</c>).</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Added to the mean square in RMSNorm (<c>rms_norm_eps</c>).</summary>
    public required float RmsNormEpsilon { get; init; }

    /// <summary>Base of the rotary frequencies (<c>rope_theta</c>; 10000 where it is absent).</summary>
    public double RopeTheta { get; init; } = 10000.0;

    /// <summary>How rotary frequencies are stretched for long contexts, or null (<c>rope_scaling</c>).</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Whether the output head is the embedding matrix (<c>tie_word_embeddings</c>).</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Whether the q, k, v and o projections have a bias (<c>attention_bias</c>).</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the gate, up and down projections have a bias (<c>mlp_bias</c>).</summary>
    public bool MlpBias { get; init; }

    /// <summary>The token a text begins with, if the checkpoint names one (<c>bos_token_id</c>).</summary>
    public int? BeginOfTextId { get; init; }

    /// <summary>The tokens a text ends with (<c>eos_token_id</c>, a number or a list).</summary>
    public ImmutableArray<int> EndOfTextIds { get; init; } = [];

    /// <summary>Type of the weights as the checkpoint declares it, or null (<c>torch_dtype</c> or <c>dtype</c>).</summary>
    public TensorType? DeclaredType { get; init; }

    /// <summary>Width of all query heads together.</summary>
    public int QueryWidth => HeadCount * HeadDim;

    /// <summary>Width of all key (or value) heads together.</summary>
    public int KeyValueWidth => KeyValueHeadCount * HeadDim;

    /// <summary>Length of the longest input that a weight matrix has.</summary>
    public int LongestInput => Math.Max(Math.Max(HiddenSize, QueryWidth), IntermediateSize);
}
