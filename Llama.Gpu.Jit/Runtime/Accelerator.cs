using System.Reflection;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>A device in use: allocates memory, loads kernels, runs them on streams.</summary>
public abstract class Accelerator : IDisposable
{
    private readonly Dictionary<(MethodInfo, Type), Delegate> _launchers = [];

    private protected Accelerator(Context context, Device device)
    {
        ArgumentNullException.ThrowIfNull(context);
        Context = context;
        Device = device;
        context.Register(this);
    }

    /// <summary>The context it was made from.</summary>
    public Context Context { get; }

    /// <summary>The device.</summary>
    public Device Device { get; }

    /// <summary>Its kind.</summary>
    public AcceleratorType AcceleratorType => Device.AcceleratorType;

    /// <summary>The device's name.</summary>
    public string Name => Device.Name;

    /// <summary>The device's memory in bytes.</summary>
    public long MemorySize => Device.MemorySize;

    /// <summary>Lanes in a warp.</summary>
    public int WarpSize => Device.WarpSize;

    /// <summary>Most lanes a group can have.</summary>
    public int MaxNumThreadsPerGroup => Device.MaxNumThreadsPerGroup;

    /// <summary>Most shared memory a group can have, in bytes.</summary>
    public int MaxSharedMemoryPerGroup => Device.MaxSharedMemoryPerGroup;

    /// <summary>Multiprocessors (compute units, cores).</summary>
    public int NumMultiprocessors => Device.NumMultiprocessors;

    /// <summary>The stream used where none is named.</summary>
    public abstract AcceleratorStream DefaultStream { get; }

    /// <summary>Bytes allocated and not yet disposed.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>The most that <see cref="AllocatedBytes"/> has been, since <see cref="ResetPeak"/> if that was called.</summary>
    public long PeakAllocatedBytes { get; private set; }

    /// <summary>What making kernels ready has cost so far.</summary>
    public KernelLoading KernelLoading => LoadMeter.Sum;

    /// <summary>Whether the accelerator has been disposed.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>Allocates a buffer of <paramref name="length"/> elements; the contents are undefined.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative, or its size in bytes does not fit 63 bits.</exception>
    /// <exception cref="AcceleratorException">The device has no such memory.</exception>
    public MemoryBuffer1D<T, Stride1D.Dense> Allocate1D<T>(long length)
        where T : unmanaged
    {
        int elementSize = Interop.SizeOf<T>();
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue / elementSize);
        return new(AllocateRaw(length, elementSize));
    }

    /// <summary>Allocates a buffer and fills it.</summary>
    public MemoryBuffer1D<T, Stride1D.Dense> Allocate1D<T>(T[] data)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(data);
        var buffer = Allocate1D<T>(data.Length);
        buffer.View.CopyFromCPU(data);
        return buffer;
    }

    /// <summary>Allocates memory for <paramref name="length"/> elements of <paramref name="elementSize"/> bytes.</summary>
    public abstract MemoryBuffer AllocateRaw(long length, int elementSize);

    /// <summary>Begins to look anew for the most that is allocated at once.</summary>
    public void ResetPeak()
    {
        lock (_launchers)
        {
            PeakAllocatedBytes = AllocatedBytes;
        }
    }

    /// <summary>A further stream.</summary>
    public abstract AcceleratorStream CreateStream();

    /// <summary>Waits for every stream.</summary>
    public abstract void Synchronize();

    /// <summary>
    /// Loads a kernel for explicit groups. <typeparamref name="TDelegate"/> takes the stream, the <see cref="KernelConfig"/>,
    /// then the kernel's own parameters.
    /// </summary>
    /// <exception cref="InvalidKernelOperationException">The method cannot be a kernel, or the delegate does not fit it.</exception>
    public TDelegate LoadKernel<TDelegate>(MethodInfo method)
        where TDelegate : Delegate
    {
        ArgumentNullException.ThrowIfNull(method);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        lock (_launchers)
        {
            if (!_launchers.TryGetValue((method, typeof(TDelegate)), out Delegate? launcher))
            {
                KernelSignature.Check(method, typeof(TDelegate));
                launcher = LoadMeter.Measure(() => CreateLauncher(method, typeof(TDelegate)));
                _launchers.Add((method, typeof(TDelegate)), launcher);
            }

            return (TDelegate)launcher;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!IsDisposed)
        {
            IsDisposed = true;
            Dispose(disposing: true);
            Context.Unregister(this);
            GC.SuppressFinalize(this);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal KernelLoadMeter LoadMeter { get; } = new();

    internal abstract Delegate CreateLauncher(MethodInfo method, Type delegateType);

    internal void AccountAllocation(long bytes)
    {
        lock (_launchers)
        {
            AllocatedBytes += bytes;
            PeakAllocatedBytes = Math.Max(PeakAllocatedBytes, AllocatedBytes);
        }
    }

    /// <summary>Releases what the driver holds for it.</summary>
    protected abstract void Dispose(bool disposing);
}
