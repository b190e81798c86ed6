namespace Llama.Gpu.Model;

/// <summary>How a sequence is decoded.</summary>
public sealed record DecoderSessionOptions
{
    /// <summary>Most tokens that are computed at once; a longer prompt is computed in chunks. At least 1.</summary>
    public int ChunkLength { get; init; } = 128;

    /// <summary>Type of the KV cache; null for the type of the keys' weights.</summary>
    public TensorType? CacheType { get; init; }

    /// <summary>
    /// Whether <see cref="ITokenSession"/> chooses tokens on the device, which takes 14 bytes of its memory for each token of the
    /// vocabulary; null for where that pays: on CUDA. OpenCL devices need doubles and 64-bit atomics for it.
    /// </summary>
    public bool? ChoosesOnDevice { get; init; }
}
