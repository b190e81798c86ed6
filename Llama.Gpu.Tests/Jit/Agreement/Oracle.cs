using System.Collections.Concurrent;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>
/// The <c>cpu</c> accelerator, which runs the C# method itself and knows nothing of the compiler, with warps of each size. It
/// watches for races, so that a kernel that has no single meaning is not taken for a disagreement.
/// </summary>
internal static class Oracle
{
    private const int MaxLanes = 64;

    private static readonly ConcurrentDictionary<int, Lazy<CPUAccelerator>> Made = new();

    public static CPUAccelerator OfWarp(int size) => Made.GetOrAdd(size, size => new(() =>
        Context.Create(builder => builder.CPU(new CPUDevice(size, MaxLanes / size, 1) { Sanitize = true })).CreateCPUAccelerator(0))).Value;
}
