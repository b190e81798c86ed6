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

    internal unsafe CLAccelerator(Context context, CLDevice device)
        : base(context, device)
    {
        Device = device;
        try
        {
            CLException.ThrowIfFailed(
                device.Problem is null ? CLError.Success : CLError.DeviceNotAvailable, nameof(OpenClNative.clCreateContext), device.Problem);
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

    /// <summary>What the emitter may use.</summary>
    internal OpenClCapabilities Capabilities => new()
    {
        WarpSize = Device.WarpSize,
        GuardsDivision = Device.IsProcessor,
        ClosesBranches = Device.PlatformName == "Portable Computing Language",
        Float64 = Device.Extensions.Contains("cl_khr_fp64"),
        Int64Atomics = Device.Extensions.Contains("cl_khr_int64_base_atomics"),
        Int64ExtendedAtomics = Device.Extensions.Contains("cl_khr_int64_extended_atomics"),
    };

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
        CLStream[] streams;
        lock (_streams)
        {
            streams = [.. _streams];
        }

        foreach (CLStream stream in streams)
        {
            stream.Synchronize();
        }
    }

    internal override Delegate CreateLauncher(MethodInfo method, Type delegateType)
    {
        string name = KernelSignature.Name(method);
        IrFunction function = JitDebug.Time(
            name, "frontend", () => KernelFrontend.Compile(method, new FrontendOptions { WarpSize = WarpSize }));
        JitDebug.Write(JitDebug.FrontendIr, name, "IR of the frontend", () => IrPrinter.Print(function));
        JitDebug.Time(name, "passes", () => PassPipeline.Run(
            function, new PassOptions { BuiltIns = new Dictionary<BuiltIn, int> { [BuiltIn.WarpSize] = WarpSize } }));
        return CompiledLauncher.Create(this, method, delegateType, Build(name, function));
    }

    /// <summary>Compiles a function; its arguments are then those that <see cref="IrFunction.Parameters"/> says.</summary>
    internal CLKernel Build(string name, IrFunction function)
    {
        JitDebug.Write(JitDebug.FinalIr, name, "IR", () => IrPrinter.Print(function));
        OpenClKernel code = JitDebug.Time(name, "OpenCL C", () => OpenClEmitter.Emit(function, Capabilities));
        JitDebug.Write(JitDebug.Code, name, "OpenCL C", () => code.Text);
        CLKernel kernel = JitDebug.Time(
            name, "driver's build", () => new CLKernel(this, name, code, [.. function.Parameters.Select(parameter => parameter.Type)]));
        lock (_kernels)
        {
            _kernels.Add(kernel);
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
}
