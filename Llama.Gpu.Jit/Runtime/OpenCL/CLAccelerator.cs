using System.Reflection;
using Llama.Gpu.Jit.Backends.OpenCl;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;

namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>A device of an OpenCL driver in use: kernels are compiled to OpenCL C and built by the driver.</summary>
public sealed class CLAccelerator : Accelerator
{
    private readonly CLHandle _context;
    private readonly List<CLStream> _streams = [];
    private readonly List<CLKernel> _kernels = [];
    private readonly Lazy<OpenClCapabilities> _capabilities;

    internal unsafe CLAccelerator(Context context, CLDevice device)
        : base(context, device)
    {
        Device = device;
        _capabilities = new(() => Probe(device.SubGroups));
        try
        {
            CLException.ThrowIfFailed(
                device.Problem is null ? CLError.Success : CLError.DeviceNotAvailable,
                nameof(OpenClNative.clCreateContext),
                device.Problem);
            nint id = device.Handle;
            nint* properties = stackalloc nint[3] { 0x1084, device.PlatformHandle, 0 };
            CLError error;
            nint handle = OpenClNative.clCreateContext(properties, 1, &id, 0, 0, &error);
            CLException.ThrowIfFailed(error, nameof(OpenClNative.clCreateContext));
            _context = new CLHandle(handle, OpenClNative.clReleaseContext);
            DefaultStream = new CLStream(this);
        }
        catch
        {
            context.Unregister(this);
            throw;
        }
    }

    /// <inheritdoc/>
    public override AcceleratorStream DefaultStream { get; }

    /// <summary>The device.</summary>
    public new CLDevice Device { get; }

    internal nint ContextHandle => _context.Value;

    internal CLAddresses Addresses { get; } = new();

    /// <summary>Where compiled kernels are kept from one run to the next; null for nowhere.</summary>
    internal KernelCache? Cache { get; init; } = KernelCache.Default;

    /// <summary>What the emitter may use.</summary>
    internal OpenClCapabilities Capabilities => _capabilities.Value;

    /// <inheritdoc/>
    public override MemoryBuffer AllocateRaw(long length, int elementSize)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return new CLMemoryBuffer(this, length, elementSize);
    }

    /// <inheritdoc/>
    public override AcceleratorStream CreateStream()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        return new CLStream(this);
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        CLHandle[] queues;
        lock (_streams)
        {
            // a stream that another thread disposes from now on keeps its queue until it has been waited for
            queues = [.. _streams.Select(stream => stream.Hold())];
        }

        CLError error = CLError.Success;
        foreach (CLHandle queue in queues)
        {
            CLError found = OpenClNative.clFinish(queue.Value);
            error = error == CLError.Success ? found : error;
            queue.DangerousRelease();
        }

        CLException.ThrowIfFailed(error, nameof(OpenClNative.clFinish));
    }

    /// <summary>The kernel is built now; one with specialized values at the first launch that has them.</summary>
    internal override Delegate CreateLauncher(MethodInfo method, Type delegateType)
    {
        string name = KernelSignature.Name(method);
        CompiledKernel kernel = SpecializedKernel.Specializes(method)
            ? new SpecializedKernel(
                name, method, byMultiples: false, variant => LoadMeter.Measure(() => Load(name, method, variant.Values)))
            : Load(name, method, SpecializedArguments.None);
        return JitDebug.Time(name, "launcher", () => CompiledLauncher.Create(this, method, delegateType, kernel));
    }

    /// <summary>Compiles a function; its arguments are then those that <see cref="IrFunction.Parameters"/> says.</summary>
    /// <param name="name">The name that errors give it.</param>
    /// <param name="function">What it does.</param>
    /// <param name="key">What it is kept under in the cache, if it is.</param>
    internal CLKernel Build(string name, IrFunction function, KernelKey? key = null) => Build(name, function, key, Capabilities);

    /// <summary>Compiles a kernel with other capabilities than the accelerator's own, and without the cache.</summary>
    internal CLKernel Build(MethodInfo method, OpenClCapabilities capabilities)
    {
        string name = KernelSignature.Name(method);
        return Build(name, Compile(method, name, SpecializedArguments.None), null, capabilities);
    }

    /// <summary>What the emitter may use if the device's sub-groups are as a probe wants them; the same without them if not.</summary>
    internal OpenClCapabilities Probe(OpenClSubGroups? subGroups)
    {
        var capabilities = new OpenClCapabilities
        {
            WarpSize = Device.WarpSize,
            GuardsDivision = Device.IsProcessor,
            ClosesBranches = Device.PlatformName == "Portable Computing Language",
            Float64 = Device.Extensions.Contains("cl_khr_fp64"),
            Int64Atomics = Device.Extensions.Contains("cl_khr_int64_base_atomics"),
            Int64ExtendedAtomics = Device.Extensions.Contains("cl_khr_int64_extended_atomics"),
        };
        OpenClCapabilities withSubGroups = capabilities with { SubGroups = subGroups };
        return subGroups is null || !CLSubGroupProbe.Holds(this, withSubGroups) ? capabilities : withSubGroups;
    }

    private CLKernel Load(string name, MethodInfo method, SpecializedArguments values)
    {
        KernelKey? key = Cache is null ? null
            : JitDebug.Time(name, "key", () => KernelKey.Of(method, [.. KeyIngredients(), ("values", values.ToString())]));
        CLKernel? kernel = key is null || JitDebug.ShowsCode ? null : FromCache(name, method, key.Value);
        if (kernel is null)
        {
            LoadMeter.CountCompiled();
            kernel = Build(name, Compile(method, name, values), key);
        }

        return kernel;
    }

    private IrFunction Compile(MethodInfo method, string name, SpecializedArguments values)
    {
        var options = new FrontendOptions { WarpSize = WarpSize, Constants = values.Constants };
        IrFunction function = JitDebug.Time(name, "frontend", () => KernelFrontend.Compile(method, options));
        JitDebug.Write(JitDebug.FrontendIr, name, "IR of the frontend", () => IrPrinter.Print(function));
        JitDebug.Time(name, "passes", () => PassPipeline.Run(
            function, new PassOptions { BuiltIns = new Dictionary<BuiltIn, int> { [BuiltIn.WarpSize] = WarpSize } }));
        return function;
    }

    private CLKernel Build(string name, IrFunction function, KernelKey? key, OpenClCapabilities capabilities)
    {
        JitDebug.Write(JitDebug.FinalIr, name, "IR", () => IrPrinter.Print(function));
        OpenClKernel code = JitDebug.Time(name, "OpenCL C", () => OpenClEmitter.Emit(function, capabilities));
        JitDebug.Write(JitDebug.Code, name, "OpenCL C", () => code.Text);
        string options = Device.BuildOptions(capabilities.SubGroups);
        IrType[] parameters = [.. function.Parameters.Select(parameter => parameter.Type)];
        CLKernel kernel = JitDebug.Time(name, "driver's build", () => new CLKernel(this, name, code, parameters, options));
        Keep(kernel);
        if (key is not null && kernel.Binary is { } binary)
        {
            JitDebug.Time(name, "storing", () => Cache?.Store(key.Value, CLCacheContents.Encode(code, binary)));
        }

        return kernel;
    }

    internal void Register(CLStream stream)
    {
        lock (_streams)
        {
            _streams.Add(stream);
        }
    }

    internal void Unregister(CLStream stream)
    {
        lock (_streams)
        {
            _streams.Remove(stream);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _kernels.ForEach(kernel => kernel.Dispose());
        foreach (CLStream stream in _streams.ToArray())
        {
            stream.Dispose();
        }

        _context.Dispose();
    }

    // all that the binary depends on besides the kernel; what else the compiler does, it does in the same way each time
    private (string Name, string Value)[] KeyIngredients() =>
    [
        ("target", "OpenCL C"),
        ("platform", Device.PlatformName),
        ("platform version", Device.PlatformVersion),
        ("device", Device.Name),
        ("vendor", Device.Vendor),
        ("version", Device.Version),
        ("driver", Device.DriverVersion),
        ("capabilities", Capabilities.ToString()),
        ("options", Device.BuildOptions(Capabilities.SubGroups)),
    ];

    private CLKernel? FromCache(string name, MethodInfo method, KernelKey key)
    {
        if (JitDebug.Time(name, "reading the cache", () => Cache?.Find(key)) is not { } contents)
        {
            return null;
        }

        (OpenClKernel code, byte[] binary) = CLCacheContents.Decode(contents);
        try
        {
            IrType[] parameters = [.. ArgumentLayout.Of(method).Select(argument => argument.Parameter.Type)];
            string options = Device.BuildOptions(Capabilities.SubGroups);
            CLKernel kernel = JitDebug.Time(
                name, "driver's loading from the cache", () => new CLKernel(this, name, code, parameters, options, binary));
            Keep(kernel);
            LoadMeter.CountFromCache();
            return kernel;
        }
        catch (CLException exception)
        {
            // the driver knows better than its version says: build anew, and replace what it refuses
            JitDebug.Write(JitDebug.Timings, name, "the driver refuses what the cache has", () => exception.Message);
            return null;
        }
    }

    private void Keep(CLKernel kernel)
    {
        lock (_kernels)
        {
            _kernels.Add(kernel);
        }
    }
}
