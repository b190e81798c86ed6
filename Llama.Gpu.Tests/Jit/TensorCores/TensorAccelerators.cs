using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.Simd;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Accelerators with warps of 32 lanes, by the name that tests give them; each is made when first asked for and kept.</summary>
internal static class TensorAccelerators
{
    // what a group of compute capability 9.0 has
    private const int SharedMemory = 227 * 1024;

    private static readonly Dictionary<string, Lazy<Accelerator>> Made = Names.ToDictionary(name => name, name => new Lazy<Accelerator>(() => Make(name)));

    /// <summary>The sanitized cpu, and simd at every width.</summary>
    public static string[] Names => ["cpu", "simd 512", "simd 256", "simd 128", "simd 32"];

    public static Accelerator Of(string name) => Made[name].Value;

    private static Accelerator Make(string name) => name == "cpu"
        ? Context.Create(builder => builder.CPU(new CPUDevice(32, 12, 1) { Sanitize = true, SharedMemory = SharedMemory })).CreateCPUAccelerator(0)
        : Context.Create(builder => builder.Simd(new SimdDevice(int.Parse(name[5..], System.Globalization.CultureInfo.InvariantCulture), 0, 32) { SharedMemory = SharedMemory }))
            .CreateSimdAccelerator(0);
}
