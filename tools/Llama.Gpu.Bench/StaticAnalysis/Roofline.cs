using Llama.Gpu.Kernels;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>What a kernel's operations run on.</summary>
internal enum Arithmetic
{
    /// <summary>Lanes, in f32.</summary>
    Single,

    /// <summary>Lanes, in f64.</summary>
    Double,

    /// <summary>Tensor cores, in f16 or bf16.</summary>
    TensorCores,
}

/// <summary>Ceilings of a device, by its datasheet.</summary>
/// <param name="Name">The device.</param>
/// <param name="Architecture">Its target.</param>
/// <param name="BytesPerSecond">Of its memory.</param>
/// <param name="FlopsPerSecond">In f32, a multiplication with an addition counted as two.</param>
/// <param name="DoubleFlopsPerSecond">In f64.</param>
/// <param name="TensorFlopsPerSecond">In f16 and bf16 on tensor cores, without sparsity.</param>
/// <remarks>NVIDIA, A100 80 GB, H100 and H200 Tensor Core GPU datasheets, SXM parts.</remarks>
internal sealed record Roofline(
    string Name, string Architecture, double BytesPerSecond, double FlopsPerSecond, double DoubleFlopsPerSecond, double TensorFlopsPerSecond)
{
    /// <summary>The devices that figures are given for; what a kernel is bound by is said for <see cref="Default"/>.</summary>
    public static IReadOnlyList<Roofline> Devices { get; } =
    [
        new("A100", "sm_80", 2.039e12, 19.5e12, 9.7e12, 312e12),
        new("H100", "sm_90a", 3.35e12, 66.9e12, 33.5e12, 989.4e12),
        new("H200", "sm_90a", 4.8e12, 66.9e12, 33.5e12, 989.4e12),
    ];

    /// <summary>An H100.</summary>
    public static Roofline Default => Devices[1];

    /// <summary>Seconds that a launch takes at least: at the memory's bandwidth, or at the arithmetic's rate.</summary>
    public (double Seconds, bool ByMemory) Least(Cost cost, Arithmetic arithmetic)
    {
        double memory = cost.Bytes / BytesPerSecond;
        double computing = cost.Flops / arithmetic switch
        {
            Arithmetic.TensorCores => TensorFlopsPerSecond,
            Arithmetic.Double => DoubleFlopsPerSecond,
            _ => FlopsPerSecond,
        };
        return (Math.Max(memory, computing), memory >= computing);
    }
}
