namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>What a device allows a launch, checked before the driver would refuse with less to say.</summary>
internal static class CudaLimits
{
    /// <exception cref="InvalidKernelOperationException">The launch is beyond a limit.</exception>
    public static void Check(string kernel, CudaDevice device, in KernelConfig config, int maxLanes, int staticShared) =>
        Check(kernel, device.Name, config, device.MaxGridSize, device.MaxGroupSize, maxLanes, staticShared, device.MaxSharedMemoryPerGroup);

    /// <exception cref="InvalidKernelOperationException">The launch is beyond a limit.</exception>
    public static void Check(
        string kernel,
        string device,
        in KernelConfig config,
        Index3D maxGrid,
        Index3D maxGroup,
        int maxLanes,
        int staticShared,
        int maxShared)
    {
        if (Exceeds(config.GridDim, maxGrid))
        {
            throw new InvalidKernelOperationException(
                $"kernel {kernel}: a launch has at most {maxGrid} groups on {device}, found {config.GridDim}");
        }

        long lanes = (long)config.GroupDim.X * config.GroupDim.Y * config.GroupDim.Z;
        if (Exceeds(config.GroupDim, maxGroup) || lanes > maxLanes)
        {
            throw new InvalidKernelOperationException(
                $"kernel {kernel}: a group has at most {maxLanes} lanes and {maxGroup} in its dimensions on {device},"
                + $" found {config.GroupDim}");
        }

        long shared = (long)staticShared + config.SharedMemoryConfig.ArraySize;
        if (shared > maxShared)
        {
            throw new InvalidKernelOperationException(
                $"kernel {kernel}: a group has at most {maxShared} bytes of shared memory on {device}, needed {shared}");
        }
    }

    private static bool Exceeds(Index3D size, Index3D most) => size.X > most.X || size.Y > most.Y || size.Z > most.Z;
}
