namespace Llama.Gpu.Jit.Runtime;

/// <summary>A kernel in an accelerator's own code, ready to launch.</summary>
internal abstract class CompiledKernel(string name)
{
    /// <summary>The name that errors give the kernel: <c>Type.Method</c>.</summary>
    public string Name { get; } = name;

    /// <summary>
    /// Queues a launch. The stream and the buffers are of this accelerator and not disposed, and the configuration is within
    /// its limits: <see cref="CompiledLauncher"/> has checked it.
    /// </summary>
    public abstract void Launch(AcceleratorStream stream, in KernelConfig config, LaunchArguments arguments);
}

/// <summary>
/// The arguments of one launch, flattened as <see cref="Frontend.ArgumentLayout"/> says. In each slot of <see cref="Values"/>,
/// the lower bits are the argument's: an integer or the bits of a float, or the address of a view's first element in its
/// buffer's own terms (<see cref="MemoryBuffer.NativePtr"/> plus bytes).
/// </summary>
internal sealed class LaunchArguments(int count)
{
    /// <summary>A slot for each flattened argument.</summary>
    public long[] Values { get; } = new long[count];

    /// <summary>The tensor map that an argument is, in a slot that then holds no value of its own; null for all other arguments.</summary>
    public TensorMapFields?[] TensorMaps { get; } = new TensorMapFields?[count];

    /// <summary>The buffer behind each address; null for an empty view and for all other arguments.</summary>
    public MemoryBuffer?[] Buffers { get; } = new MemoryBuffer?[count];
}
