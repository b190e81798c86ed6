namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// The shape of a simulated device. Lanes take turns on one thread of control in a fixed order, so the shape changes what a
/// kernel sees (<see cref="Warp.WarpSize"/>, the largest group), not how many cores work.
/// </summary>
public sealed class CPUDevice : Device
{
    // as much as a group of an H100 may ask for
    private const int DefaultSharedMemory = 227 * 1024;

    /// <param name="numThreadsPerWarp">Lanes in a warp; a power of two.</param>
    /// <param name="numWarpsPerMultiprocessor">Warps that the largest group has.</param>
    /// <param name="numMultiprocessors">Multiprocessors to report.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number below 1, a warp that is no power of two, or a group beyond 1024 lanes.</exception>
    public CPUDevice(int numThreadsPerWarp, int numWarpsPerMultiprocessor, int numMultiprocessors)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(numThreadsPerWarp, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(numWarpsPerMultiprocessor, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(numMultiprocessors, 1);
        if (!int.IsPow2(numThreadsPerWarp))
        {
            throw new ArgumentOutOfRangeException(nameof(numThreadsPerWarp), numThreadsPerWarp, "a warp's lanes are a power of two");
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)numThreadsPerWarp * numWarpsPerMultiprocessor, 1024, nameof(numWarpsPerMultiprocessor));
        WarpSize = numThreadsPerWarp;
        MaxNumThreadsPerGroup = numThreadsPerWarp * numWarpsPerMultiprocessor;
        NumMultiprocessors = numMultiprocessors;
    }

    /// <summary>One lane a group: every kernel runs as a plain loop. The fast shape.</summary>
    public static CPUDevice Sequential => new(1, 1, 1);

    /// <summary>ILGPU's default shape: warps of 4, groups of up to 16.</summary>
    public static CPUDevice Default => new(4, 4, 1);

    /// <summary>The shape of an NVIDIA device: warps of 32, groups of up to 1024.</summary>
    public static CPUDevice Nvidia => new(32, 32, 1);

    /// <summary>
    /// Whether kernels are watched for races, for reads of shared memory nobody wrote, and for lanes at different barriers.
    /// Indices outside views and barriers that some lanes never reach are always errors.
    /// </summary>
    public bool Sanitize { get; init; }

    /// <summary>Bytes of shared memory that a group may have: 227 KiB, unless another device is simulated.</summary>
    public int SharedMemory { get; init; } = DefaultSharedMemory;

    /// <inheritdoc/>
    public override AcceleratorType AcceleratorType => AcceleratorType.CPU;

    /// <inheritdoc/>
    public override string Name => $"cpu ({WarpSize} lanes a warp, {MaxNumThreadsPerGroup} a group{(Sanitize ? ", sanitized" : string.Empty)})";

    /// <inheritdoc/>
    public override long MemorySize => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <inheritdoc/>
    public override int MaxNumThreadsPerGroup { get; }

    /// <inheritdoc/>
    public override int MaxSharedMemoryPerGroup => SharedMemory;

    /// <inheritdoc/>
    public override int WarpSize { get; }

    /// <inheritdoc/>
    public override int NumMultiprocessors { get; }

    /// <inheritdoc/>
    public override Accelerator CreateAccelerator(Context context) => CreateCPUAccelerator(context);

    /// <summary>An accelerator of this shape.</summary>
    public CPUAccelerator CreateCPUAccelerator(Context context) => new(context, this);
}
