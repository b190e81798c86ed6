using Llama.Gpu.Model;

namespace Llama.Gpu.Scheduling;

/// <summary>Device memory that one sequence takes, to the byte.</summary>
/// <param name="CacheBytes">Its KV cache.</param>
/// <param name="ActivationBytes">Activations of a chunk, the rotary table, the logits of one position.</param>
public readonly record struct SessionMemory(long CacheBytes, long ActivationBytes)
{
    /// <summary>All of it.</summary>
    public long Bytes => CacheBytes + ActivationBytes;

    /// <summary>The memory of a sequence.</summary>
    /// <param name="config">The model.</param>
    /// <param name="contextLength">Positions of the cache.</param>
    /// <param name="chunkLength">Tokens that are computed at once.</param>
    /// <param name="cacheType">Type of the cache.</param>
    /// <param name="attentionPartLength">Elements of attention's scratch memory.</param>
    /// <param name="productScratchLength">Elements of the matrix products' scratch memory.</param>
    /// <param name="sliceWidth">Most rows of a streamed piece of a matrix; 0 where nothing is streamed.</param>
    public static SessionMemory Of(
        LlamaConfig config,
        int contextLength,
        int chunkLength,
        TensorType cacheType,
        long attentionPartLength,
        long productScratchLength,
        int sliceWidth)
    {
        ArgumentNullException.ThrowIfNull(config);
        long perToken = 1L + (3L * config.HiddenSize) + (2L * config.QueryWidth) + (2L * config.KeyValueWidth)
            + (2L * config.IntermediateSize) + sliceWidth;
        long table = (long)contextLength * (config.HeadDim / 2) * 2;

        // a position, and a count for each head
        long elements = (perToken * chunkLength) + 1 + config.HeadCount + attentionPartLength + productScratchLength
            + config.VocabularySize + table;
        long cache = 2L * config.LayerCount * contextLength * config.KeyValueWidth * cacheType.ElementSize();
        return new(cache, elements * sizeof(float));
    }
}
