using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>The accelerators that tests share, each made when first asked for and kept for the whole run.</summary>
internal static class TestAccelerators
{
    private static readonly Lazy<Accelerator> LazySequential = new(() => Create(CPUDevice.Sequential));
    private static readonly Lazy<Accelerator> LazySanitized = new(() => Create(new CPUDevice(32, 4, 1) { Sanitize = true }));

    /// <summary>One lane a group: what <c>--device cpu</c> uses.</summary>
    public static Accelerator Sequential => LazySequential.Value;

    /// <summary>Groups of up to 4 warps of 32 lanes, watched by the sanitizer: a fault in a kernel is an exception.</summary>
    public static Accelerator Sanitized => LazySanitized.Value;

    /// <summary>An accelerator of any shape, watched by the sanitizer; the caller disposes it.</summary>
    public static Accelerator CreateSanitized(int warpSize, int warps) => Create(new CPUDevice(warpSize, warps, 1) { Sanitize = true });

    private static CPUAccelerator Create(CPUDevice device) =>
        Context.Create(builder => builder.CPU(device)).CreateCPUAccelerator(0);
}
