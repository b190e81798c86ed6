using Llama.Gpu.Jit.Backends.Simd;

namespace Llama.Gpu.Jit.Runtime.Simd;

/// <summary>The host's processor through its vector instructions. A warp is one vector of 32-bit elements, unless asked otherwise.</summary>
public sealed class SimdDevice : Device
{
    /// <summary>Most lanes of a group, whatever the width.</summary>
    public const int MaxGroupLanes = 1024;

    private const int MaxWarpLanes = 32;

    // of the cache that a core has to itself
    private const int DefaultSharedMemory = 128 * 1024;

    /// <param name="vectorBits">Bits of a vector: 512, 256, 128, or 32 for one lane without vectors; 0 for the widest that the host has.</param>
    /// <param name="threads">Threads that share a launch; 0 for one a core.</param>
    /// <param name="warpSize">
    /// Lanes of a warp: 0 for those of a vector, which is fastest, or more, up to 32, of several vectors. Warp operations then make the
    /// vectors of a group wait for each other. Tensor-core kernels need 32.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">There are no such vectors or warps, or a negative number of threads.</exception>
    public SimdDevice(int vectorBits = 0, int threads = 0, int warpSize = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        VectorIsa isa = VectorIsa.Of(vectorBits == 0 ? VectorIsa.HostBits : vectorBits);
        if (warpSize != 0 && (!int.IsPow2(warpSize) || warpSize < isa.Lanes || warpSize > MaxWarpLanes))
        {
            throw new ArgumentOutOfRangeException(
                nameof(warpSize), warpSize, $"a warp has as many lanes as a vector, {isa.Lanes}, or a power of two up to {MaxWarpLanes}");
        }

        Isa = warpSize == 0 ? isa : isa.WithWarps(warpSize);
        NumMultiprocessors = threads == 0 ? Environment.ProcessorCount : threads;
    }

    /// <summary>Bits of a vector; 32 where there are none.</summary>
    public int VectorBits => Isa.Bits;

    /// <summary>Bytes of shared memory that a group may have: 128 KiB, unless a device with more is to be tested for.</summary>
    public int SharedMemory { get; init; } = DefaultSharedMemory;

    /// <inheritdoc/>
    public override AcceleratorType AcceleratorType => AcceleratorType.Simd;

    /// <inheritdoc/>
    public override string Name =>
        $"simd ({(VectorBits == 32 ? "no vectors" : $"{VectorBits}-bit vectors")}, {NumMultiprocessors} {(NumMultiprocessors == 1 ? "thread" : "threads")}"
        + $"{(WarpSize == Isa.Lanes ? string.Empty : $", warps of {WarpSize}")})";

    /// <inheritdoc/>
    public override long MemorySize => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <inheritdoc/>
    public override int MaxNumThreadsPerGroup => MaxGroupLanes;

    /// <inheritdoc/>
    public override int MaxSharedMemoryPerGroup => SharedMemory;

    /// <inheritdoc/>
    public override int WarpSize => Isa.WarpLanes;

    /// <inheritdoc/>
    public override int NumMultiprocessors { get; }

    internal VectorIsa Isa { get; }

    /// <inheritdoc/>
    public override Accelerator CreateAccelerator(Context context) => CreateSimdAccelerator(context);

    /// <summary>An accelerator of this shape.</summary>
    public SimdAccelerator CreateSimdAccelerator(Context context) => new(context, this);
}
