using Llama.Gpu.Kernels;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>Ceilings of a device, by its datasheet.</summary>
/// <param name="Name">The device.</param>
/// <param name="BytesPerSecond">Of its memory.</param>
/// <param name="FlopsPerSecond">In f32, a multiplication with an addition counted as two.</param>
/// <param name="TensorFlopsPerSecond">In f16 and bf16 on tensor cores, without sparsity.</param>
/// <remarks>NVIDIA, H100 and H200 Tensor Core GPU datasheets, SXM parts.</remarks>
internal sealed record Roofline(string Name, double BytesPerSecond, double FlopsPerSecond, double TensorFlopsPerSecond)
{
    /// <summary>The devices that figures are given for.</summary>
    public static IReadOnlyList<Roofline> Devices { get; } =
        [new("H100", 3.35e12, 66.9e12, 989.4e12), new("H200", 4.8e12, 66.9e12, 989.4e12)];

    /// <summary>Seconds that a launch takes at least: at the memory's bandwidth, or at the arithmetic's rate.</summary>
    public (double Seconds, bool ByMemory) Least(Cost cost, bool onTensorCores)
    {
        double memory = cost.Bytes / BytesPerSecond;
        double arithmetic = cost.Flops / (onTensorCores ? TensorFlopsPerSecond : FlopsPerSecond);
        return (Math.Max(memory, arithmetic), memory >= arithmetic);
    }
}
