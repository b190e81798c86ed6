using System.Collections.Immutable;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>A model's size: parameters by part, and bytes by type.</summary>
public sealed record CheckpointSummary
{
    /// <summary>Parameters of the token embedding.</summary>
    public required long Embedding { get; init; }

    /// <summary>Parameters of all query, key, value and output projections.</summary>
    public required long Attention { get; init; }

    /// <summary>Parameters of all gate, up and down projections.</summary>
    public required long Mlp { get; init; }

    /// <summary>Parameters of all norms.</summary>
    public required long Norms { get; init; }

    /// <summary>Parameters of the output head, whether it is a matrix of its own or the embedding.</summary>
    public required long Head { get; init; }

    /// <summary>Whether the output head is the embedding.</summary>
    public required bool HeadIsTied { get; init; }

    /// <summary>Bytes of all tensors of the model by their type; types that do not occur are left out.</summary>
    public required ImmutableSortedDictionary<TensorType, long> BytesByType { get; init; }

    /// <summary>Parameters with each matrix counted where it is used: a tied embedding twice.</summary>
    public long Parameters => Embedding + Attention + Mlp + Norms + Head;

    /// <summary>Parameters with each matrix counted once: those that take memory.</summary>
    public long UniqueParameters => HeadIsTied ? Parameters - Head : Parameters;

    /// <summary>Bytes of all tensors of the model, without those that are ignored.</summary>
    public long TotalBytes => BytesByType.Values.Sum();

    /// <summary>Bytes that the keys and values of one token take in all layers, by the type of the cache.</summary>
    /// <param name="config">The model.</param>
    /// <param name="cacheType">Type of the KV cache.</param>
    public static long KeyValueBytesPerToken(LlamaConfig config, TensorType cacheType) =>
        2L * config.LayerCount * config.KeyValueWidth * cacheType.ElementSize();

    /// <summary>Sizes of a model whose weights all have one type.</summary>
    public static CheckpointSummary Of(LlamaConfig config, TensorType type)
    {
        long unique = TensorNames.Expected(config).Sum(tensor => tensor.ElementCount);
        return Of(config, [KeyValuePair.Create(type, unique * type.ElementSize())]);
    }

    /// <summary>Sizes of an opened checkpoint.</summary>
    public static CheckpointSummary Of(Checkpoint checkpoint) =>
        Of(checkpoint.Config, checkpoint.Tensors.Values
            .GroupBy(tensor => tensor.Type)
            .Select(group => KeyValuePair.Create(group.Key, group.Sum(tensor => tensor.ByteLength))));

    private static CheckpointSummary Of(LlamaConfig config, IEnumerable<KeyValuePair<TensorType, long>> bytes)
    {
        var parts = TensorNames.Expected(config).ToLookup(tensor => tensor.Part, tensor => tensor.ElementCount);
        long embedding = parts[ModelPart.Embedding].Sum();
        return new CheckpointSummary
        {
            Embedding = embedding,
            Attention = parts[ModelPart.Attention].Sum(),
            Mlp = parts[ModelPart.Mlp].Sum(),
            Norms = parts[ModelPart.Norm].Sum(),
            Head = config.TieWordEmbeddings ? embedding : parts[ModelPart.Head].Sum(),
            HeadIsTied = config.TieWordEmbeddings,
            BytesByType = bytes.ToImmutableSortedDictionary(),
        };
    }
}
