using System.Reflection;
using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>An NVIDIA device in use: kernels are compiled to PTX, which the driver assembles.</summary>
public sealed class CudaAccelerator : Accelerator
{
    private readonly List<CudaKernel> _kernels = [];

    internal CudaAccelerator(Context context, CudaDevice device, CudaContextHandle driverContext)
        : base(context, device)
    {
        Device = device;
        DriverContext = driverContext;
        try
        {
            Target = device.Problem is null ? device.Target : throw new NotSupportedException($"{device.Name}: {device.Problem}");
            DefaultStream = CudaStream.Create(this);
        }
        catch
        {
            driverContext.Release();
            context.Unregister(this);
            throw;
        }
    }

    /// <summary>A stream of its own. It does not wait for the caller's default stream, nor that for it.</summary>
    public override AcceleratorStream DefaultStream { get; }

    /// <summary>The device.</summary>
    public new CudaDevice Device { get; }

    /// <summary>The driver's context (<c>CUcontext</c>).</summary>
    public nint NativePtr => DriverContext.Value;

    /// <summary>What PTX is written for.</summary>
    public PtxTarget Target { get; }

    internal CudaContextHandle DriverContext { get; }

    /// <summary>Where compiled kernels are kept from one run to the next; null for nowhere.</summary>
    internal KernelCache? Cache { get; set; } = KernelCache.Default;

    /// <summary>Bytes of the device's memory that are free, and all of them.</summary>
    public unsafe (long Free, long Total) MemoryInfo
    {
        get
        {
            using var scope = Enter();
            nuint free;
            nuint total;
            CudaException.ThrowIfFailed(CudaNative.cuMemGetInfo_v2(&free, &total), nameof(CudaNative.cuMemGetInfo_v2));
            return ((long)free, (long)total);
        }
    }

    /// <inheritdoc/>
    public override MemoryBuffer AllocateRaw(long length, int elementSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return new CudaMemoryBuffer(this, length, elementSize);
    }

    /// <summary>Host memory that stays in place, so that copies from and to it run beside the host and the kernels.</summary>
    public CudaPinnedMemory AllocatePinned(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        return new(this, bytes);
    }

    /// <inheritdoc/>
    public override AcceleratorStream CreateStream() => CudaStream.Create(this);

    /// <summary>A stream (<c>CUstream</c>) of the caller's, in this context; it stays the caller's.</summary>
    public CudaStream UseStream(nint stream) => CudaStream.Borrow(this, stream);

    /// <summary>An event in the driver's sense.</summary>
    /// <param name="timing">Whether it takes the time; one that does not is cheaper.</param>
    public CudaEvent CreateEvent(bool timing = false) => new(this, timing);

    /// <inheritdoc/>
    public override void Synchronize()
    {
        using var scope = Enter();
        CudaException.ThrowIfFailed(CudaNative.cuCtxSynchronize(), nameof(CudaNative.cuCtxSynchronize));
    }

    internal CudaContextHandle.Scope Enter()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        return DriverContext.Enter();
    }

    /// <summary>
    /// Errors of the kernel are found now, unless it has specialized values; its code is made at the first launch that needs it, for
    /// arguments as aligned as that launch's and for its specialized values. A launch that is captured in a graph must therefore have
    /// run once before.
    /// </summary>
    internal override Delegate CreateLauncher(MethodInfo method, Type delegateType)
    {
        string name = KernelSignature.Name(method);
        KernelKey? isSound = Key(method, ("sound", string.Empty));
        if (!SpecializedKernel.Specializes(method) && Find(isSound) is null)
        {
            IrFunction function = JitDebug.Time(
                name, "frontend", () => KernelFrontend.Compile(method, new FrontendOptions { WarpSize = WarpSize }));
            JitDebug.Write(JitDebug.FrontendIr, name, "IR of the frontend", () => IrPrinter.Print(function));
            Store(isSound, []);
        }

        var kernel = new SpecializedKernel(
            name, method, byMultiples: true, variant => LoadMeter.Measure(() => Compile(name, method, variant)));
        return CompiledLauncher.Create(this, method, delegateType, kernel);
    }

    /// <summary>Assembles a function; its arguments are then those that <see cref="IrFunction.Parameters"/> says.</summary>
    internal CudaKernel Build(string name, IrFunction function) => Assemble(name, Emit(name, function));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _kernels.ForEach(kernel => kernel.Dispose());
        DefaultStream.Dispose();
        DriverContext.Release();
    }

    // the driver keeps what it assembles of a text, so the text is all that is kept here
    private CudaKernel Compile(string name, MethodInfo method, KernelVariant variant)
    {
        KernelKey? key = Key(method, ("multiples", $"{variant.Multiples:x}"), ("values", variant.Values.ToString()));
        if (Find(key) is { } contents)
        {
            LoadMeter.CountFromCache();
            return Assemble(name, CudaCacheContents.Decode(contents));
        }

        LoadMeter.CountCompiled();
        PtxKernel code = Emit(name, JitDebug.Time(name, "passes", () => KernelText.Optimized(method, variant)));
        CudaKernel kernel = Assemble(name, code);
        Store(key, CudaCacheContents.Encode(code));
        return kernel;
    }

    private PtxKernel Emit(string name, IrFunction function)
    {
        JitDebug.Write(JitDebug.FinalIr, name, "IR", () => IrPrinter.Print(function));
        PtxKernel code = JitDebug.Time(name, "PTX", () => PtxEmitter.Emit(function, new PtxOptions(Target)));
        JitDebug.Write(JitDebug.Code, name, "PTX", () => code.Text);
        return code;
    }

    private CudaKernel Assemble(string name, PtxKernel code)
    {
        CudaKernel kernel = JitDebug.Time(name, "driver's assembly", () => new CudaKernel(this, name, code));
        lock (_kernels)
        {
            _kernels.Add(kernel);
        }

        return kernel;
    }

    private KernelKey? Key(MethodInfo method, params (string Name, string Value)[] variant) => Cache is null ? null : KernelKey.Of(
        method,
        [
            ("target", $"{Target} {Target.Version}"), ("device", Name), ("driver", $"{Device.DriverVersion}"), ("warp", $"{WarpSize}"),
            .. variant,
        ]);

    private byte[]? Find(KernelKey? key) => key is null || JitDebug.ShowsCode ? null : Cache?.Find(key.Value);

    private void Store(KernelKey? key, byte[] contents)
    {
        if (key is not null)
        {
            Cache?.Store(key.Value, contents);
        }
    }
}
