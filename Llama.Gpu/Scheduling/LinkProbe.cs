using System.Diagnostics;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Jit.Runtime.Simd;
using Llama.Gpu.Measurement;

namespace Llama.Gpu.Scheduling;

/// <summary>Measures what a plan's time depends on.</summary>
public static class LinkProbe
{
    private const int CopiedBytes = 64 << 20;

    // beyond the largest caches of processors
    private const int UncachedBytes = 512 << 20;
    private const int Runs = 5;

    /// <summary>Link and memory of a device.</summary>
    /// <exception cref="AcceleratorException">The device has not enough memory free.</exception>
    public static LinkSpeed Measure(Accelerator accelerator)
    {
        double link = MeasureLink(accelerator);
        using var probe = CeilingProbe.For(accelerator);
        double memory = Enumerable.Range(0, Runs).Max(_ => probe.Read());
        return new(link, memory, SharesMemory(accelerator));
    }

    /// <summary>Copies from the host to the device, from pinned memory where there is such; the fastest of a few runs.</summary>
    /// <returns>Bytes a second.</returns>
    /// <exception cref="AcceleratorException">The device has no 64 MiB free.</exception>
    public static double MeasureLink(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        using var buffer = accelerator.Allocate1D<byte>(CopiedBytes);
        ArrayView<byte> target = buffer.View;
        if (accelerator is CudaAccelerator cuda)
        {
            using var pinned = cuda.AllocatePinned(CopiedBytes);
            pinned.Span(0, CopiedBytes).Fill(1);
            return Best(accelerator, () => pinned.CopyTo((CudaStream)accelerator.DefaultStream, target));
        }

        byte[] source = new byte[accelerator is SimdAccelerator ? UncachedBytes : CopiedBytes];
        Array.Fill(source, (byte)1);
        return accelerator is SimdAccelerator simd
            ? Best(accelerator, () => CopyOnCores(simd, source, target), UncachedBytes)
            : Best(accelerator, () => target.CopyFromCPU(source));
    }

    /// <summary>Whether a device's memory is the host's, so that copies and kernels compete for it.</summary>
    public static bool SharesMemory(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        return accelerator.Device is CPUDevice or SimdDevice or CLDevice { IsProcessor: true };
    }

    // as SimdSlotLink does: all cores bring a part of each piece, into memory that stays in their caches
    private static void CopyOnCores(SimdAccelerator accelerator, byte[] source, ArrayView<byte> target)
    {
        int cores = accelerator.NumMultiprocessors;
        int part = (int)Math.Min(HostCache.SlotBytes / MemoryPlan.PiecesPerSlot, CopiedBytes) / cores;
        for (int done = 0; done < source.Length; done += cores * part)
        {
            int first = done;
            accelerator.RunOnWorkers(cores, core =>
            {
                int from = Math.Min(first + (core * part), source.Length);
                int count = Math.Min(part, source.Length - from);
                target.SubView(core * part, count).CopyFromCPU(null, source.AsSpan(from, count));
            });
        }
    }

    private static double Best(Accelerator accelerator, Action copy, long bytes = CopiedBytes)
    {
        // the first touches pages that nobody wrote yet
        copy();
        accelerator.Synchronize();
        double best = 0;
        for (int run = 0; run < Runs; run++)
        {
            long start = Stopwatch.GetTimestamp();
            copy();
            accelerator.Synchronize();
            best = Math.Max(best, bytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }
}
