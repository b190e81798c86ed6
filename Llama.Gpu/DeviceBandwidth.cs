using System.Diagnostics;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu;

/// <summary>How fast a device's memory is.</summary>
public static class DeviceBandwidth
{
    // beyond the caches of most processors, and still done in a few hundredths of a second
    private const int CopiedBytes = 64 << 20;
    private const int Runs = 5;

    /// <summary>Copies from one part of the device's memory to another; the fastest of a few runs.</summary>
    /// <returns>Bytes a second, those read and those written.</returns>
    /// <exception cref="AcceleratorException">The device has no 128 MiB free.</exception>
    public static double MeasureCopy(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        using var sourceBuffer = accelerator.Allocate1D<byte>(CopiedBytes);
        using var targetBuffer = accelerator.Allocate1D<byte>(CopiedBytes);
        ArrayView<byte> source = sourceBuffer.View;
        ArrayView<byte> target = targetBuffer.View;

        // pages that nobody wrote yet are not memory
        source.MemSet(1);
        target.MemSetToZero();
        accelerator.Synchronize();
        double best = 0;
        for (int run = 0; run < Runs; run++)
        {
            long start = Stopwatch.GetTimestamp();
            source.CopyTo(target);
            accelerator.Synchronize();
            best = Math.Max(best, 2.0 * CopiedBytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }
}
