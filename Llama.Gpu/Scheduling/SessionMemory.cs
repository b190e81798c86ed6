using Llama.Gpu.Model;

namespace Llama.Gpu.Scheduling;

/// <summary>Device memory that one sequence takes, to the byte.</summary>
/// <param name="CacheBytes">Its KV cache.</param>
/// <param name="ActivationBytes">Activations of a chunk, the rotary table, the logits of one position, and what operations work in.</param>
public readonly record struct SessionMemory(long CacheBytes, long ActivationBytes)
{
    /// <summary>All of it.</summary>
    public long Bytes => CacheBytes + ActivationBytes;

    /// <summary>The memory of a sequence.</summary>
    internal static SessionMemory Of(LlamaConfig config, in SessionShape shape)
    {
        long perToken = 1L + (3L * config.HiddenSize) + (2L * config.QueryWidth) + (2L * config.KeyValueWidth)
            + (2L * config.IntermediateSize) + shape.SliceWidth;
        long table = (long)shape.ContextLength * (config.HeadDim / 2) * 2;

        // a position, and a count for each head
        long elements = (perToken * shape.ChunkLength) + 1 + config.HeadCount + shape.Device.AttentionPartLength + config.VocabularySize + table;
        long cache = 2L * config.LayerCount * shape.ContextLength * config.KeyValueWidth * shape.CacheType.ElementSize();
        return new(cache, (elements * sizeof(float)) + shape.Device.ProductBytes + shape.Device.ChoiceBytes);
    }
}
