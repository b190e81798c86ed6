using Llama.Gpu.Model;

namespace Llama.Gpu.Scheduling;

/// <summary>What the device memory of one sequence depends on beside the model: asked by the plan and by the session alike.</summary>
/// <param name="ContextLength">Positions S of the KV cache.</param>
/// <param name="ChunkLength">Tokens T that are computed at once.</param>
/// <param name="CacheType">Type of the KV cache.</param>
/// <param name="SliceWidth">Most rows of a streamed piece of a matrix; 0 where nothing is streamed.</param>
/// <param name="Device">What the operations of the device need.</param>
internal readonly record struct SessionShape(
    int ContextLength, int ChunkLength, TensorType CacheType, int SliceWidth, DeviceScratch Device);

/// <summary>Device memory that operations work in, which depends on how an accelerator carries them out.</summary>
/// <param name="AttentionPartLength">f32 elements of attention's parts (<see cref="Attention.PartLength"/>).</param>
/// <param name="ProductBytes">For the matrix products of a chunk (<see cref="MatMul.ScratchBytes"/>).</param>
/// <param name="ChoiceBytes">For the choice of a token on the device; 0 where the host chooses (<see cref="TokenStep"/>).</param>
public readonly record struct DeviceScratch(long AttentionPartLength, long ProductBytes, long ChoiceBytes)
{
    /// <summary>What a session needs.</summary>
    /// <param name="kernels">The operations.</param>
    /// <param name="layout">The model.</param>
    /// <param name="chunkLength">Tokens that are computed at once.</param>
    /// <param name="choosesOnDevice">Whether tokens are chosen on the device.</param>
    internal static DeviceScratch Of(KernelSet kernels, ModelLayout layout, int chunkLength, bool choosesOnDevice)
    {
        LlamaConfig config = layout.Config;
        return new(
            kernels.Attention.PartLength(config.HeadCount, config.KeyValueHeadCount, config.HeadDim),
            layout.Steps.SelectMany(step => step.Matrices).Max(matrix => kernels.MatMul.ScratchBytes(matrix.Type, chunkLength, matrix.RowLength)),
            choosesOnDevice ? TokenStep.BytesFor(config.VocabularySize) : 0);
    }
}
