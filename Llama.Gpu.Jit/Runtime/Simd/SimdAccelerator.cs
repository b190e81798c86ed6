using System.Reflection;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit.Runtime.Simd;

/// <summary>
/// Runs kernels as vector instructions of the host: a lane is an element of a vector, a warp is a vector, groups are shared among
/// threads. Launches and copies are done when they return. The same launch gives the same bits each time.
/// </summary>
public sealed class SimdAccelerator : Accelerator
{
    private readonly CPUStream _defaultStream;
    private readonly SimdWorkers _workers;
    private readonly Lock _launching = new();

    internal SimdAccelerator(Context context, SimdDevice device)
        : base(context, device)
    {
        Device = device;
        _defaultStream = new CPUStream(this);
        _workers = new SimdWorkers(device.NumMultiprocessors);
    }

    /// <inheritdoc/>
    public override AcceleratorStream DefaultStream => _defaultStream;

    internal new SimdDevice Device { get; }

    /// <inheritdoc/>
    public override MemoryBuffer AllocateRaw(long length, int elementSize)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return new CPUMemoryBuffer(this, length, elementSize, MemoryScope.Global);
    }

    /// <inheritdoc/>
    public override AcceleratorStream CreateStream()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        return new CPUStream(this);
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
    }

    internal override Delegate CreateLauncher(MethodInfo method, Type delegateType)
    {
        string name = KernelSignature.Name(method);
        CompiledKernel kernel = SpecializedKernel.Specializes(method)
            ? new SpecializedKernel(name, method, byMultiples: false, variant => LoadMeter.Measure(() => Load(name, method, variant.Values)))
            : Load(name, method, SpecializedArguments.None);
        return CompiledLauncher.Create(this, method, delegateType, kernel);
    }

    /// <summary>A kernel of functions that are ready to be emitted, for groups of any dimensions.</summary>
    internal CompiledKernel Build(string name, Func<Index3D, IrFunction> function) =>
        new SimdLaunch(name, this, new SimdKernel(name, function, Device.Isa, MaxNumThreadsPerGroup, MaxSharedMemoryPerGroup, LoadMeter));

    /// <summary>Puts a function of the frontend through the passes, for groups of these dimensions.</summary>
    internal IrFunction Optimize(IrFunction function, Index3D groupDim)
    {
        JitDebug.Time(function.Name, "passes", () => PassPipeline.Run(function, Options(groupDim)));
        JitDebug.Write(JitDebug.FinalIr, function.Name, "IR", () => IrPrinter.Print(function));
        return function;
    }

    /// <summary>Runs a launch to its end. One at a time: the workers serve one launch.</summary>
    internal unsafe void Launch(SimdKernel kernel, in KernelConfig config, LaunchArguments arguments)
    {
        lock (_launching)
        {
            TensorMapFields* maps = stackalloc TensorMapFields[arguments.TensorMaps.Length];
            fixed (long* values = arguments.Values)
            {
                for (int i = 0; i < arguments.TensorMaps.Length; i++)
                {
                    if (arguments.TensorMaps[i] is { } map)
                    {
                        maps[i] = map;
                        values[i] = (long)(maps + i);
                    }
                }

                Run(kernel, config, values);
            }
        }

        // nobody frees a buffer while its kernel runs
        GC.KeepAlive(arguments);
    }

    /// <summary>
    /// Does work of the host's on the threads that kernels run on, the calling one included, and returns when it is done.
    /// </summary>
    /// <param name="parts">How many parts it has.</param>
    /// <param name="part">Does one of them, from 0 on; an exception of any is thrown here.</param>
    public void RunOnWorkers(int parts, Action<int> part)
    {
        ArgumentNullException.ThrowIfNull(part);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parts);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        lock (_launching)
        {
            _workers.Run(parts, inOrder: false, (first, end, _) =>
            {
                for (long i = first; i < end; i++)
                {
                    part((int)i);
                }
            });
        }
    }

    private unsafe void Run(SimdKernel kernel, in KernelConfig config, long* arguments)
    {
        KernelConfig shape = config;
        bool ordered = kernel.Prepare(config);
        long groups = (long)config.GridDim.X * config.GridDim.Y * config.GridDim.Z;
        _workers.Run(groups, ordered, (first, end, scratch) => kernel.Run(shape, arguments, first, end, scratch));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _workers.Dispose();
        _defaultStream.Dispose();
    }

    private CompiledKernel Load(string name, MethodInfo method, SpecializedArguments values)
    {
        IrFunction? first = Compile(method, name, values);
        return Build(name, groupDim =>
        {
            LoadMeter.CountCompiled();
            return Optimize(Interlocked.Exchange(ref first, null) ?? Compile(method, name, values), groupDim);
        });
    }

    private IrFunction Compile(MethodInfo method, string name, SpecializedArguments values)
    {
        var options = new FrontendOptions { WarpSize = WarpSize, Constants = values.Constants, Prefetches = true };
        IrFunction function = JitDebug.Time(name, "frontend", () => KernelFrontend.Compile(method, options));
        JitDebug.Write(JitDebug.FrontendIr, name, "IR of the frontend", () => IrPrinter.Print(function));
        return function;
    }

    // Vectors are loaded from any address. A turn of a loop is a vector's already: more of them in one would only make methods so
    // large that the runtime stops optimizing them (attention was fifty times slower at 56 KB of IL than at 31 KB).
    private PassOptions Options(Index3D groupDim)
    {
        var builtIns = new Dictionary<BuiltIn, int>
        {
            [BuiltIn.WarpSize] = WarpSize,
            [BuiltIn.GroupDimX] = groupDim.X,
            [BuiltIn.GroupDimY] = groupDim.Y,
            [BuiltIn.GroupDimZ] = groupDim.Z,
        };
        if (groupDim is { Y: 1, Z: 1 })
        {
            builtIns[BuiltIn.LaneY] = 0;
            builtIns[BuiltIn.LaneZ] = 0;
        }

        return new PassOptions
        {
            BuiltIns = builtIns,
            WideAccessIsAligned = false,
            WidensLocalMemory = false,
            WidensUniformAccess = false,
            PartialUnrollFactor = 1,
            FullUnrollBudget = 256,
        };
    }

    private sealed class SimdLaunch(string name, SimdAccelerator accelerator, SimdKernel kernel) : CompiledKernel(name)
    {
        public override void Launch(AcceleratorStream stream, in KernelConfig config, LaunchArguments arguments) =>
            accelerator.Launch(kernel, config, arguments);
    }
}
