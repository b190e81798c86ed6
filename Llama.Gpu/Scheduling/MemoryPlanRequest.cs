using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;

namespace Llama.Gpu.Scheduling;

/// <summary>What a plan is made for.</summary>
/// <param name="BudgetBytes">Device memory for weights, staging slots, KV cache and activations together.</param>
/// <param name="ContextLength">Positions of the KV cache.</param>
public sealed record MemoryPlanRequest(long BudgetBytes, int ContextLength)
{
    private const int SmallChunk = 64;

    // activations of a longer chunk may take one part of the budget in so many
    private const int ActivationShare = 16;

    private readonly int? _chunkLength;

    /// <summary>
    /// Most tokens that are computed at once. Where nothing is said, 64, or for a device as many as make its products fast, if their
    /// activations take little of the budget.
    /// </summary>
    public int ChunkLength
    {
        get => _chunkLength ?? SmallChunk;
        init => _chunkLength = value;
    }

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

    /// <summary>
    /// Whether the session will choose tokens on the device; null for where that pays (<see cref="DecoderSessionOptions.ChoosesOnDevice"/>).
    /// </summary>
    public bool? ChoosesOnDevice { get; init; }

    /// <summary>What a session's operations work in on the device; found by <see cref="For"/>.</summary>
    public DeviceScratch Scratch { get; init; }

    /// <summary>Tokens that a session computes at once.</summary>
    internal int SessionChunk => Math.Min(ChunkLength, ContextLength);

    /// <summary>
    /// The same for a device: with the memory that its operations work in; and where its memory is the host's, with slots that stay in the
    /// processor's cache between the copy and the kernel, since then a streamed byte comes from memory once instead of three times: a
    /// matrix-vector product has about one group for each core in them.
    /// </summary>
    public MemoryPlanRequest For(Accelerator accelerator, ModelLayout layout)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        return ForSession(new KernelSet(accelerator), accelerator, layout);
    }

    /// <summary>The same with operations that are ready.</summary>
    internal MemoryPlanRequest ForSession(KernelSet kernels, Accelerator accelerator, ModelLayout layout)
    {
        const long SlotBytesOfCore = 512 << 10;
        ArgumentNullException.ThrowIfNull(layout);
        if (_chunkLength is null && this with { ChunkLength = kernels.Shapes.PromptTokens } is var longer
            && longer.ActivationBytes(layout) <= BudgetBytes / ActivationShare)
        {
            return longer.ForSession(kernels, accelerator, layout);
        }

        bool choosesOnDevice = TokenStep.Serves(accelerator, layout.Config.VocabularySize, ChoosesOnDevice);
        return this with
        {
            Scratch = DeviceScratch.Of(kernels, layout, SessionChunk, choosesOnDevice),
            LargestSlotBytes = LinkProbe.SharesMemory(accelerator)
                ? Math.Min(LargestSlotBytes, SlotBytesOfCore * Environment.ProcessorCount)
                : LargestSlotBytes,
        };
    }

    private long ActivationBytes(ModelLayout layout) =>
        SessionMemory.Of(layout.Config, new SessionShape(ContextLength, SessionChunk, CacheType ?? layout.KeyType, SliceWidth: 0, default)).ActivationBytes;
}
