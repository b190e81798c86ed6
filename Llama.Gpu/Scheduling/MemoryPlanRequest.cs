namespace Llama.Gpu.Scheduling;

/// <summary>What a plan is made for.</summary>
/// <param name="BudgetBytes">Device memory for weights, staging slots, KV cache and activations together.</param>
/// <param name="ContextLength">Positions of the KV cache.</param>
public sealed record MemoryPlanRequest(long BudgetBytes, int ContextLength)
{
    /// <summary>Most tokens that are computed at once.</summary>
    public int ChunkLength { get; init; } = 64;

    /// <summary>Type of the KV cache; null for that of the keys' weights.</summary>
    public TensorType? CacheType { get; init; }

    /// <summary>Staging slots: one is computed from while the others are filled. At least 2.</summary>
    public int SlotCount { get; init; } = 3;

    /// <summary>
    /// Size of a staging slot that pieces are cut for; null for a 64th of the model, from 256 KiB to 32 MiB. It must not depend on the
    /// budget, or more memory could leave less for weights.
    /// </summary>
    public long? SlotBytes { get; init; }

    /// <summary>Elements of attention's scratch memory (<see cref="Attention.PartLength"/>).</summary>
    public long AttentionPartLength { get; init; }
}
