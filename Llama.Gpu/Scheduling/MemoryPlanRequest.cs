using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;

namespace Llama.Gpu.Scheduling;

/// <summary>What a plan is made for.</summary>
/// <param name="BudgetBytes">Device memory for weights, staging slots, KV cache and activations together.</param>
/// <param name="ContextLength">Positions of the KV cache.</param>
public sealed record MemoryPlanRequest(long BudgetBytes, int ContextLength)
{
    /// <summary>Most tokens that are computed at once.</summary>
    public int ChunkLength { get; init; } = 128;

    /// <summary>Type of the KV cache; null for that of the keys' weights.</summary>
    public TensorType? CacheType { get; init; }

    /// <summary>Staging slots of two pieces each: one is computed from while the others are filled. At least 2.</summary>
    public int SlotCount { get; init; } = 3;

    /// <summary>
    /// Size of a staging slot that pieces are cut for; null for a 64th of the model, from 256 KiB to <see cref="LargestSlotBytes"/>. It
    /// must not depend on the budget, or more memory could leave less for weights.
    /// </summary>
    public long? SlotBytes { get; init; }

    /// <summary>Most that is chosen for a slot: long enough that a launch is worth its call.</summary>
    public long LargestSlotBytes { get; init; } = 32 << 20;

    /// <summary>Elements of attention's scratch memory (<see cref="Attention.PartLength"/>).</summary>
    public long AttentionPartLength { get; init; }

    /// <summary>Elements of the matrix products' scratch memory (<see cref="MatMul.ScratchLength"/>).</summary>
    public long ProductScratchLength { get; init; }

    /// <summary>Tokens that a session computes at once.</summary>
    internal int SessionChunk => Math.Min(ChunkLength, ContextLength);

    /// <summary>
    /// The same for a device: with the scratch memory of its kernels; and where its memory is the host's, with slots that stay in the
    /// processor's cache between the copy and the kernel, since then a streamed byte comes from memory once instead of three times: a
    /// matrix-vector product has about one group for each core in them.
    /// </summary>
    public MemoryPlanRequest For(Accelerator accelerator, LlamaConfig config)
    {
        const long SlotBytesOfCore = 512 << 10;
        ArgumentNullException.ThrowIfNull(accelerator);
        ArgumentNullException.ThrowIfNull(config);
        return this with
        {
            AttentionPartLength = new Attention(accelerator).PartLength(config.HeadCount, config.KeyValueHeadCount, config.HeadDim),
            ProductScratchLength = new MatMul(accelerator).ScratchLength(SessionChunk, config.LongestInput),
            LargestSlotBytes = LinkProbe.SharesMemory(accelerator)
                ? Math.Min(LargestSlotBytes, SlotBytesOfCore * Environment.ProcessorCount)
                : LargestSlotBytes,
        };
    }
}
