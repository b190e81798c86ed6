namespace Llama.Gpu.Jit.Runtime;

/// <summary>What every accelerator asks of a launch before it begins.</summary>
internal static class LaunchChecks
{
    /// <summary>The stream is the accelerator's, and the configuration is within its limits.</summary>
    /// <exception cref="InvalidKernelOperationException">It is not.</exception>
    /// <exception cref="ObjectDisposedException">The accelerator has been disposed.</exception>
    public static void Check(Accelerator accelerator, string kernel, AcceleratorStream stream, in KernelConfig config)
    {
        ObjectDisposedException.ThrowIf(accelerator.IsDisposed, accelerator);
        ArgumentNullException.ThrowIfNull(stream);
        if (stream.Accelerator != accelerator)
        {
            throw new InvalidKernelOperationException(
                $"kernel {kernel}: the stream belongs to {stream.Accelerator.Name}, not to {accelerator.Name}");
        }

        if (!config.IsValid)
        {
            throw new InvalidKernelOperationException(
                $"kernel {kernel}: every dimension of a launch is at least 1, found grid {config.GridDim}, group {config.GroupDim}");
        }

        long lanes = (long)config.GroupDim.X * config.GroupDim.Y * config.GroupDim.Z;
        if (lanes > accelerator.MaxNumThreadsPerGroup)
        {
            throw new InvalidKernelOperationException(
                $"kernel {kernel}: a group has at most {accelerator.MaxNumThreadsPerGroup} lanes on {accelerator.Name}, found {lanes}");
        }
    }

    /// <summary>A launch has whole clusters.</summary>
    /// <exception cref="InvalidKernelOperationException">It has not.</exception>
    public static void CheckClusters(string kernel, in KernelConfig config, int groups)
    {
        if (config.GridDim.X % groups != 0)
        {
            throw new InvalidKernelOperationException($"kernel {kernel}: a cluster is {groups} groups in x, found a grid of {config.GridDim}");
        }
    }

    /// <summary>The memory behind an argument, if there is any, is the accelerator's and not disposed.</summary>
    /// <exception cref="InvalidKernelOperationException">It is another accelerator's.</exception>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    public static void CheckBuffer(Accelerator accelerator, string kernel, MemoryBuffer? buffer)
    {
        if (buffer is null)
        {
            return;
        }

        if (buffer.Accelerator != accelerator)
        {
            throw new InvalidKernelOperationException(
                $"kernel {kernel}: an argument's memory belongs to {buffer.Accelerator.Name}, not to {accelerator.Name}");
        }

        ObjectDisposedException.ThrowIf(buffer.IsDisposed, buffer);
    }
}
