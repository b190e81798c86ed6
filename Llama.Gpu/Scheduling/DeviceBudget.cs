using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Cuda;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// Device memory that a model and its sessions may take. Every allocation they make on their accelerator goes through here: one that
/// would exceed the limit is refused before the device is asked. What a driver holds for itself is not counted. For use by several threads.
/// </summary>
public sealed class DeviceBudget
{
    private const long MarginBytes = 256L << 20;

    private readonly Lock _counting = new();

    /// <param name="accelerator">Where the memory is taken.</param>
    /// <param name="limitBytes">Most bytes in use at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">The limit is negative.</exception>
    public DeviceBudget(Accelerator accelerator, long limitBytes)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        ArgumentOutOfRangeException.ThrowIfNegative(limitBytes);
        Accelerator = accelerator;
        LimitBytes = limitBytes;
    }

    /// <summary>Where the memory is taken.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>Most bytes in use at once.</summary>
    public long LimitBytes { get; }

    /// <summary>Bytes in use.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>The most that have been in use at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>What a device can be expected to give: what is free, less 256 MiB or a tenth, whichever is less.</summary>
    public static long Available(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        long free = accelerator is CudaAccelerator cuda
            ? cuda.MemoryInfo.Free
            : Math.Min(accelerator.MemorySize, FreeHostBytes()) - accelerator.AllocatedBytes;
        return Math.Max(0, free - Math.Min(MarginBytes, free / 10));
    }

    /// <summary>Allocates.</summary>
    /// <param name="length">Number of elements.</param>
    /// <param name="purpose">What for; named in the error.</param>
    /// <exception cref="MemoryBudgetException">It would exceed the limit.</exception>
    /// <exception cref="AcceleratorException">The device has not enough memory.</exception>
    internal DeviceMemory<T> Allocate<T>(long length, string purpose)
        where T : unmanaged
    {
        long bytes = checked(length * Interop.SizeOf<T>());
        lock (_counting)
        {
            if (bytes > LimitBytes - UsedBytes)
            {
                throw new MemoryBudgetException(
                    LimitBytes,
                    checked(UsedBytes + bytes),
                    $"{MemoryBudgetException.Mebibytes(UsedBytes)} in use, {MemoryBudgetException.Mebibytes(bytes)} asked for {purpose}");
            }

            UsedBytes += bytes;
        }

        try
        {
            var memory = new DeviceMemory<T>(this, Accelerator.Allocate1D<T>(length));
            lock (_counting)
            {
                PeakBytes = Math.Max(PeakBytes, UsedBytes);
            }

            return memory;
        }
        catch
        {
            Return(bytes);
            throw;
        }
    }

    internal void Return(long bytes)
    {
        lock (_counting)
        {
            UsedBytes -= bytes;
        }
    }

    private static long FreeHostBytes()
    {
        GCMemoryInfo memory = GC.GetGCMemoryInfo();
        return memory.TotalAvailableMemoryBytes - Math.Min(memory.MemoryLoadBytes, memory.TotalAvailableMemoryBytes);
    }
}

/// <summary>Memory taken out of a <see cref="DeviceBudget"/>.</summary>
internal sealed class DeviceMemory<T>(DeviceBudget budget, MemoryBuffer1D<T, Stride1D.Dense> buffer) : IDisposable
    where T : unmanaged
{
    private int _disposed;

    /// <summary>All of it.</summary>
    public ArrayView<T> View => buffer.View;

    /// <summary>The buffer.</summary>
    public MemoryBuffer Buffer => buffer.Buffer;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            long bytes = buffer.LengthInBytes;
            buffer.Dispose();
            budget.Return(bytes);
        }
    }
}
