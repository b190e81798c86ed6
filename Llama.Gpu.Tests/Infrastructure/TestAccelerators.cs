using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Jit.Runtime.OpenCL;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>The accelerators that tests share, each made when first asked for and kept for the whole run.</summary>
internal static class TestAccelerators
{
    private static readonly Lazy<Accelerator> LazySequential = new(() => Create(CPUDevice.Sequential));
    private static readonly Lazy<Accelerator> LazySanitized = new(() => Create(new CPUDevice(32, 4, 1) { Sanitize = true }));

    private static readonly Lazy<(CLAccelerator? Accelerator, string? Problem)> LazyOpenCl = new(FindOpenCl);
    private static readonly Lazy<(CudaAccelerator? Accelerator, string? Problem)> LazyCuda = new(FindCuda);

    /// <summary>The first OpenCL device that can run kernels; the test is ignored where there is none, and fails if it must run.</summary>
    public static CLAccelerator OpenCl => LazyOpenCl.Value.Accelerator ?? throw Absent("opencl", LazyOpenCl.Value.Problem);

    /// <summary>The first CUDA device that can run kernels; the test is ignored where there is none, and fails if it must run.</summary>
    public static CudaAccelerator Cuda => LazyCuda.Value.Accelerator ?? throw Absent("cuda", LazyCuda.Value.Problem);

    /// <summary>One lane a group: what <c>--device cpu</c> uses.</summary>
    public static Accelerator Sequential => LazySequential.Value;

    /// <summary>Groups of up to 4 warps of 32 lanes, watched by the sanitizer: a fault in a kernel is an exception.</summary>
    public static Accelerator Sanitized => LazySanitized.Value;

    /// <summary>An accelerator of any shape, watched by the sanitizer; the caller disposes it.</summary>
    public static Accelerator CreateSanitized(int warpSize, int warps) => Create(new CPUDevice(warpSize, warps, 1) { Sanitize = true });

    private static (CLAccelerator? Accelerator, string? Problem) FindOpenCl()
    {
        var devices = CLDevice.Find(out string? problem);
        CLDevice? device = devices.FirstOrDefault(device => device.Problem is null);
        return device is null
            ? (null, problem ?? string.Join("; ", devices.Select(found => $"{found.Name}: {found.Problem}")))
            : (Context.Create(builder => builder.OpenCL(found => found.Name == device.Name)).CreateCLAccelerator(0), null);
    }

    private static (CudaAccelerator? Accelerator, string? Problem) FindCuda()
    {
        var devices = CudaDevice.Find(out string? problem);
        return devices.Any(device => device.Problem is null)
            ? (Context.Create(builder => builder.Cuda()).CreateCudaAccelerator(0), null)
            : (null, problem ?? string.Join("; ", devices.Select(found => $"{found.Name}: {found.Problem}")));
    }

    // LLAMA_GPU_REQUIRE=opencl,cuda names the accelerators that must be there
    private static ResultStateException Absent(string name, string? problem)
    {
        string[] required = Environment.GetEnvironmentVariable("LLAMA_GPU_REQUIRE")?.Split(',', StringSplitOptions.TrimEntries) ?? [];
        return required.Contains(name) ? new AssertionException($"{name} is required: {problem}") : new IgnoreException($"no {name}: {problem}");
    }

    private static CPUAccelerator Create(CPUDevice device) =>
        Context.Create(builder => builder.CPU(device)).CreateCPUAccelerator(0);
}
