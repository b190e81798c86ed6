using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Simd;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>A SIMD accelerator of each width, made when first asked for and kept for the whole run.</summary>
internal static class SimdAccelerators
{
    private static readonly Dictionary<int, Lazy<SimdAccelerator>> Made = Widths.ToDictionary(bits => bits, bits => new Lazy<SimdAccelerator>(() =>
        Context.Create(builder => builder.Simd(new SimdDevice(bits))).CreateSimdAccelerator(0)));

    /// <summary>Every width; 32 is one lane without vectors. A width that the host lacks is computed by .NET's fallback.</summary>
    public static int[] Widths => [512, 256, 128, 32];

    public static SimdAccelerator Of(int bits) => Made[bits].Value;
}
