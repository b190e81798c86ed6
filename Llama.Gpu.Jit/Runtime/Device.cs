namespace Llama.Gpu.Jit.Runtime;

/// <summary>A device that an accelerator can be made for, with its limits.</summary>
public abstract class Device
{
    /// <summary>The kind of accelerator it makes.</summary>
    public abstract AcceleratorType AcceleratorType { get; }

    /// <summary>Its name, for people.</summary>
    public abstract string Name { get; }

    /// <summary>Memory in bytes.</summary>
    public abstract long MemorySize { get; }

    /// <summary>Most lanes a group can have.</summary>
    public abstract int MaxNumThreadsPerGroup { get; }

    /// <summary>Most shared memory a group can have, in bytes.</summary>
    public abstract int MaxSharedMemoryPerGroup { get; }

    /// <summary>Lanes in a warp.</summary>
    public abstract int WarpSize { get; }

    /// <summary>Multiprocessors (compute units, cores).</summary>
    public abstract int NumMultiprocessors { get; }

    /// <summary>An accelerator for this device.</summary>
    public abstract Accelerator CreateAccelerator(Context context);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
