using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Simd;
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

    /// <summary>
    /// Staging slots of two pieces each: one is computed from while the others are filled. Null for <see cref="UsualSlotCount"/>, or 1 where
    /// nobody fills slots ahead (<see cref="For"/>).
    /// </summary>
    public int? SlotCount { get; init; }

    /// <summary>Slots where copies run beside kernels: with three, a copy that takes longer than usual keeps none of them waiting.</summary>
    public const int UsualSlotCount = 3;

    // of drivers for processors, to which handing over a piece costs more than what a smaller one saves (PoCL)
    private const long LargestOfProcessors = 8 << 20;

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
    /// The same for a device: with the memory that its operations work in; and where its memory is the host's, with smaller slots. On the
    /// host's vectors they stay in the processor's caches between the copy and the kernel.
    /// </summary>
    public MemoryPlanRequest For(Accelerator accelerator, ModelLayout layout)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        return ForSession(new KernelSet(accelerator), accelerator, layout);
    }

    /// <summary>The same with operations that are ready.</summary>
    internal MemoryPlanRequest ForSession(KernelSet kernels, Accelerator accelerator, ModelLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (_chunkLength is null)
        {
            MemoryPlanRequest longer = (this with { ChunkLength = kernels.Shapes.PromptTokens }).ForSession(kernels, accelerator, layout);
            if (longer.ActivationBytes(layout) <= BudgetBytes / ActivationShare && MemoryPlan.Smallest(layout, longer) <= BudgetBytes)
            {
                return longer;
            }
        }

        bool choosesOnDevice = TokenStep.Serves(accelerator, layout.Config.VocabularySize, ChoosesOnDevice);
        MemoryPlanRequest found = this with { Scratch = DeviceScratch.Of(kernels, layout, SessionChunk, choosesOnDevice) };
        return accelerator switch
        {
            SimdAccelerator => found with { LargestSlotBytes = Math.Min(LargestSlotBytes, HostCache.SlotBytes), SlotCount = SlotCount ?? 1 },
            _ when LinkProbe.SharesMemory(accelerator) => found with { LargestSlotBytes = Math.Min(LargestSlotBytes, LargestOfProcessors) },
            _ => found,
        };
    }

    private long ActivationBytes(ModelLayout layout) =>
        SessionMemory.Of(layout.Config, new SessionShape(ContextLength, SessionChunk, CacheType ?? layout.KeyType, SliceWidth: 0, default)).ActivationBytes;
}
