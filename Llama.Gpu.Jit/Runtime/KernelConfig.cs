namespace Llama.Gpu.Jit.Runtime;

/// <summary>Shape of a launch: how many groups of how many lanes, and how much dynamic shared memory a group gets.</summary>
/// <param name="GridDim">Groups in each dimension.</param>
/// <param name="GroupDim">Lanes in each dimension of a group.</param>
/// <param name="SharedMemoryConfig">Dynamic shared memory.</param>
public readonly record struct KernelConfig(Index3D GridDim, Index3D GroupDim, SharedMemoryConfig SharedMemoryConfig)
{
    /// <summary>A launch in one dimension.</summary>
    public KernelConfig(Index1D gridDim, Index1D groupDim, SharedMemoryConfig sharedMemoryConfig = default)
        : this(new Index3D(gridDim.X, 1, 1), new Index3D(groupDim.X, 1, 1), sharedMemoryConfig)
    {
    }

    /// <summary>A launch in two dimensions.</summary>
    public KernelConfig(Index2D gridDim, Index2D groupDim, SharedMemoryConfig sharedMemoryConfig = default)
        : this(new Index3D(gridDim.X, gridDim.Y, 1), new Index3D(groupDim.X, groupDim.Y, 1), sharedMemoryConfig)
    {
    }

    /// <summary>A launch in three dimensions.</summary>
    public KernelConfig(Index3D gridDim, Index3D groupDim)
        : this(gridDim, groupDim, default)
    {
    }

    /// <summary>A launch in three dimensions.</summary>
    public KernelConfig(int gridDimX, int gridDimY, int gridDimZ, int groupDimX, int groupDimY, int groupDimZ)
        : this(new Index3D(gridDimX, gridDimY, gridDimZ), new Index3D(groupDimX, groupDimY, groupDimZ), default)
    {
    }

    /// <summary>Lanes in the whole launch.</summary>
    public long Size => (long)GridDim.X * GridDim.Y * GridDim.Z * GroupDim.X * GroupDim.Y * GroupDim.Z;

    /// <summary>Whether every dimension is at least 1.</summary>
    public bool IsValid => GridDim is { X: > 0, Y: > 0, Z: > 0 } && GroupDim is { X: > 0, Y: > 0, Z: > 0 };

    /// <summary>Whether dynamic shared memory is requested.</summary>
    public bool UsesDynamicSharedMemory => SharedMemoryConfig.ArraySize > 0;

    /// <summary>A launch in one dimension.</summary>
    public static implicit operator KernelConfig((Index1D GridDim, Index1D GroupDim) shape) => new(shape.GridDim, shape.GroupDim);

    /// <summary>A launch in two dimensions.</summary>
    public static implicit operator KernelConfig((Index2D GridDim, Index2D GroupDim) shape) => new(shape.GridDim, shape.GroupDim);

    /// <summary>A launch in three dimensions.</summary>
    public static implicit operator KernelConfig((Index3D GridDim, Index3D GroupDim) shape) => new(shape.GridDim, shape.GroupDim);

    /// <summary>A launch in one dimension with dynamic shared memory.</summary>
    public static implicit operator KernelConfig((Index1D GridDim, Index1D GroupDim, SharedMemoryConfig Shared) shape) =>
        new(shape.GridDim, shape.GroupDim, shape.Shared);
}
