using Llama.Gpu.Jit.Runtime.Cuda;

namespace Llama.Gpu.Kernels;

/// <content>Where tensor cores are used.</content>
public sealed partial record LaunchShapes
{
    /// <summary>
    /// Whether <see cref="MatMul"/> with a weight of f16 or bf16 is <see cref="TensorCoreMatMul"/>, which rounds the input to the weight's type.
    /// CUDA devices of compute capability 8.0 and up begin with true; it may be set where warps have 32 lanes, as on <c>cpu</c> and
    /// <c>simd</c> for tests.
    /// </summary>
    public bool TensorCores { get; init; }

    // below, at least half of what a tile of 128 rows computes would not be stored
    internal const int WarpGroupTokens = 65;

    /// <summary>
    /// Whether it is <see cref="WarpGroupMatMul"/> from <see cref="WarpGroupTokens"/> tokens on, where the weight's rows begin at multiples
    /// of 16 bytes, and <see cref="WarpGroupAttention"/> where <see cref="Kernels.Attention"/> takes tensor cores. CUDA devices of compute
    /// capability 9.0 begin with true; it may be set where <see cref="TensorCores"/> may, on devices with 193 KiB of shared memory a group.
    /// </summary>
    public bool WarpGroups { get; init; }

    /// <summary>
    /// Tokens from which <see cref="Kernels.Attention"/> is <see cref="TensorCoreAttention"/>, or that of warp groups, where tensor cores are used.
    /// </summary>
    public int TensorCoreAttentionTokens { get; init; } = 32;

    // a weight of 16 bits is worth as many products as it is multiplied by tokens: an H100 does 295 FLOP in the time of a byte
    private const int TensorCorePrompt = 512;

    static partial void TakeTensorCores(Accelerator accelerator, ref LaunchShapes shapes)
    {
        if (accelerator is CudaAccelerator { Target.HasTensorCores: true } device && shapes.Lanes == MaxLanes)
        {
            shapes = shapes with { TensorCores = true, WarpGroups = device.Target.HasWarpGroups, PromptTokens = TensorCorePrompt };
        }
    }
}
