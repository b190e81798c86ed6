using System.Globalization;

namespace Llama.Gpu.Checkpoints;

/// <summary>How the shards of a model-parallel checkpoint divide a tensor.</summary>
internal enum ShardAxis
{
    /// <summary>Each shard has all of it.</summary>
    None,

    /// <summary>Each shard has some of the rows.</summary>
    Rows,

    /// <summary>Each shard has some of the columns.</summary>
    Columns,

    /// <summary>By rows or by columns, as the shape tells: the embedding, which Llama 3 divides another way than Llama 1 and 2.</summary>
    RowsOrColumns,
}

/// <summary>What Meta calls a tensor: the table between its names and Hugging Face's, which the rest of the library uses.</summary>
/// <param name="Name">Hugging Face's name.</param>
/// <param name="Axis">How shards divide it.</param>
/// <param name="Rotary">Whether its rows are turned by RoPE, and so stored in Meta's order of them.</param>
internal readonly record struct MetaTensorName(string Name, ShardAxis Axis, bool Rotary = false)
{
    private const string LayerPrefix = "layers.";

    /// <summary>Hugging Face's name and the layout of a tensor of Meta's, or the name as it is where it is not known.</summary>
    public static MetaTensorName Of(string name)
    {
        switch (name)
        {
            case "tok_embeddings.weight":
                return new(TensorNames.Embedding, ShardAxis.RowsOrColumns);
            case "norm.weight":
                return new(TensorNames.FinalNorm, ShardAxis.None);
            case "output.weight":
                return new(TensorNames.OutputHead, ShardAxis.Rows);
            case "rope.freqs":
                return new("model.rotary_emb.inv_freq", ShardAxis.None);
        }

        int dot = name.StartsWith(LayerPrefix, StringComparison.Ordinal) ? name.IndexOf('.', LayerPrefix.Length) : -1;
        return dot > 0 && int.TryParse(name.AsSpan()[LayerPrefix.Length..dot], NumberStyles.None, CultureInfo.InvariantCulture, out int layer)
            ? OfLayer(TensorNames.Layer(layer), name[(dot + 1)..]) ?? new(name, ShardAxis.None)
            : new(name, ShardAxis.None);
    }

    private static MetaTensorName? OfLayer(LayerTensorNames names, string name) => name switch
    {
        "attention.wq.weight" => new(names.QueryWeight, ShardAxis.Rows, Rotary: true),
        "attention.wk.weight" => new(names.KeyWeight, ShardAxis.Rows, Rotary: true),
        "attention.wv.weight" => new(names.ValueWeight, ShardAxis.Rows),
        "attention.wo.weight" => new(names.OutputWeight, ShardAxis.Columns),
        "feed_forward.w1.weight" => new(names.GateWeight, ShardAxis.Rows),
        "feed_forward.w2.weight" => new(names.DownWeight, ShardAxis.Columns),
        "feed_forward.w3.weight" => new(names.UpWeight, ShardAxis.Rows),
        "attention_norm.weight" => new(names.AttentionNorm, ShardAxis.None),
        "ffn_norm.weight" => new(names.MlpNorm, ShardAxis.None),
        "attention.inner_attention.rope.freqs" => new(
            string.Create(CultureInfo.InvariantCulture, $"model.layers.{names.Layer}.self_attn.rotary_emb.inv_freq"), ShardAxis.None),
        _ => null,
    };
}
