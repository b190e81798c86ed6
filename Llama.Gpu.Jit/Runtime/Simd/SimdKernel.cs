using Llama.Gpu.Jit.Backends.Simd;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Runtime.Simd;

/// <summary>
/// A kernel compiled for the vectors of one device. Its methods are made when a launch first needs them: for groups of one or of
/// more dimensions, for whole vectors and for the last of a group that is not full.
/// </summary>
internal sealed unsafe class SimdKernel
{
    private readonly Func<bool, IrFunction> _function;
    private readonly VectorIsa _isa;
    private readonly int _maxLanes;
    private readonly Lock _compiling = new();
    private Shape? _linear;
    private Shape? _spatial;

    /// <param name="name">The name that errors give it.</param>
    /// <param name="function">The kernel for groups of one dimension (true) or of more.</param>
    /// <param name="isa">The vectors.</param>
    /// <param name="maxLanes">Lanes of the largest group.</param>
    public SimdKernel(string name, Func<bool, IrFunction> function, VectorIsa isa, int maxLanes)
    {
        Name = name;
        _function = function;
        _isa = isa;
        _maxLanes = maxLanes;
    }

    /// <summary>The name that errors give it.</summary>
    public string Name { get; }

    /// <summary>Bytes of IL of all methods made so far.</summary>
    public int MethodBytes => (_linear?.MethodBytes ?? 0) + (_spatial?.MethodBytes ?? 0);

    /// <summary>Runs groups <paramref name="first"/> to <paramref name="end"/>, counted through x, then y, then z.</summary>
    public void Run(in KernelConfig config, long* arguments, long first, long end, SimdScratch scratch)
    {
        Shape shape = ShapeOf(config);
        int lanes = config.GroupDim.Size;
        int width = _isa.Lanes;
        int vectors = (lanes + width - 1) / width;
        int last = lanes - ((vectors - 1) * width);
        SimdVectorCode? whole = vectors > 1 || last == width ? shape.Whole : null;
        SimdVectorCode? part = last < width ? shape.Part : null;
        int dynamicBytes = config.SharedMemoryConfig.ArraySize;
        SimdGroup group = Describe(config, vectors, dynamicBytes);
        scratch.Provide(ref group, shape.Memory.Shared, dynamicBytes, shape.Memory.Local, (long)shape.Memory.Frame * vectors);
        if (config.GroupDim.Y > 1 || config.GroupDim.Z > 1)
        {
            scratch.ProvideLanes(ref group, config.GroupDim, width);
        }

        for (long index = first; index < end; index++)
        {
            group.GroupX = (int)(index % config.GridDim.X);
            group.GroupY = (int)(index / config.GridDim.X % config.GridDim.Y);
            group.GroupZ = (int)(index / config.GridDim.X / config.GridDim.Y);
            int state = 0;
            do
            {
                int next = -1;
                for (int vector = 0; vector < vectors; vector++)
                {
                    bool isPart = vector == vectors - 1 && part is not null;
                    group.FirstLane = vector * width;
                    group.LaneCount = isPart ? last : width;
                    int reached = (isPart ? part! : whole!)(arguments, &group, state);
                    if (vector > 0 && reached != next)
                    {
                        throw new AcceleratorException(
                            AcceleratorType.Simd, $"kernel {Name}: lanes of group ({group.GroupX}, {group.GroupY}, {group.GroupZ}) wait at different barriers");
                    }

                    next = reached;
                }

                state = next;
            }
            while (state >= 0);
        }
    }

    /// <summary>
    /// Makes the methods that a launch of this shape needs, so that no worker has to. Gives back whether groups must run one after
    /// the other: what atomics on memory that groups share leave there, or give back, depends on the order, and the same launch
    /// gives the same bits each time.
    /// </summary>
    public bool Prepare(in KernelConfig config)
    {
        Shape shape = ShapeOf(config);
        int rest = config.GroupDim.Size % _isa.Lanes;
        _ = rest == 0 || config.GroupDim.Size > _isa.Lanes ? shape.Whole : null;
        _ = rest != 0 ? shape.Part : null;
        return shape.IsOrdered;
    }

    private static SimdGroup Describe(in KernelConfig config, int vectors, int dynamicBytes) => new()
    {
        GroupDimX = config.GroupDim.X,
        GroupDimY = config.GroupDim.Y,
        GroupDimZ = config.GroupDim.Z,
        GridDimX = config.GridDim.X,
        GridDimY = config.GridDim.Y,
        GridDimZ = config.GridDim.Z,
        DynamicSharedBytes = dynamicBytes,
        VectorCount = vectors,
    };

    private Shape ShapeOf(in KernelConfig config)
    {
        bool linear = config.GroupDim.Y == 1 && config.GroupDim.Z == 1;
        if ((linear ? _linear : _spatial) is { } made)
        {
            return made;
        }

        lock (_compiling)
        {
            return linear
                ? _linear ??= new Shape(new SimdCompiler(_function(linear), _isa, linear, _maxLanes), _compiling)
                : _spatial ??= new Shape(new SimdCompiler(_function(linear), _isa, linear, _maxLanes), _compiling);
        }
    }

    // the methods for one kind of group
    private sealed class Shape(SimdCompiler compiler, Lock compiling)
    {
        private SimdVectorCode? _whole;
        private SimdVectorCode? _part;

        public (int Shared, int Local, int Frame) Memory { get; } = compiler.Memory;

        public bool IsOrdered { get; } = compiler.HasGlobalAtomics;

        public int MethodBytes { get; private set; }

        public SimdVectorCode Whole => _whole ?? Make(ref _whole, full: true);

        public SimdVectorCode Part => _part ?? Make(ref _part, full: false);

        private SimdVectorCode Make(ref SimdVectorCode? method, bool full)
        {
            lock (compiling)
            {
                if (method is null)
                {
                    SimdVectorCode made = compiler.Compile(full);
                    MethodBytes += compiler.MethodBytes;
                    Volatile.Write(ref method, made);
                }

                return method;
            }
        }
    }
}
