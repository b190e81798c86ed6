using System.Reflection;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// The oracle: runs the C# method of a kernel itself, one lane at a time in a fixed order. Launches are done when they return.
/// It takes no part in compiling kernels, so it cannot share the compiler's errors.
/// </summary>
public sealed class CPUAccelerator : Accelerator
{
    // what a lane finds in memory that nobody wrote, where kernels are watched: unlikely as a float, an index or a count
    internal const byte Poison = 0xFE;

    private readonly CPUStream _defaultStream;
    private readonly Lock _launching = new();

    internal CPUAccelerator(Context context, CPUDevice device)
        : base(context, device)
    {
        Device = device;
        _defaultStream = new CPUStream(this);
        Carriers = new LaneCarrierPool();
        SharedBuffers = new SharedBufferPool(this);
    }

    /// <inheritdoc/>
    public override AcceleratorStream DefaultStream => _defaultStream;

    internal new CPUDevice Device { get; }

    internal LaneCarrierPool Carriers { get; }

    internal SharedBufferPool SharedBuffers { get; }

    /// <summary>The last turn that the sanitizer counted, over all launches.</summary>
    internal int LastTurn { get; set; }

    /// <inheritdoc/>
    public override MemoryBuffer AllocateRaw(long length, int elementSize)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var buffer = new CPUMemoryBuffer(this, length, elementSize, MemoryScope.Global);
        if (Device.Sanitize)
        {
            buffer.Fill(Poison);
        }

        return buffer;
    }

    /// <inheritdoc/>
    public override AcceleratorStream CreateStream() => new CPUStream(this);

    /// <inheritdoc/>
    public override void Synchronize()
    {
    }

    internal override Delegate CreateLauncher(MethodInfo method, Type delegateType) =>
        CPULauncher.Create(this, method, delegateType);

    /// <summary>Runs a launch to its end. One at a time: the lanes of all launches share one thread of control.</summary>
    internal void Launch(string kernel, AcceleratorStream stream, in KernelConfig config, Action lane, MemoryBuffer?[] buffers)
    {
        LaunchChecks.Check(this, kernel, stream, config);
        foreach (MemoryBuffer? buffer in buffers)
        {
            LaunchChecks.CheckBuffer(this, kernel, buffer);
        }

        lock (_launching)
        {
            if (Device.Sanitize)
            {
                SanitizedLaunch.Run(this, kernel, config, lane, buffers);
            }
            else
            {
                new GroupRun(this, kernel, config, lane, sanitizer: null).Run();
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Carriers.Dispose();
        SharedBuffers.Dispose();
        _defaultStream.Dispose();
    }
}
