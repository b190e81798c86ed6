using Llama.Gpu.Jit.Backends.Simd;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Runtime.Simd;

/// <summary>
/// A kernel compiled for the vectors of one device. Its methods are made when a launch first needs them: for each shape of group,
/// because a lane's index is then affine with constants, for whole vectors and for the last of a group that is not full.
/// </summary>
internal sealed unsafe class SimdKernel
{
    private readonly Func<Index3D, IrFunction> _function;
    private readonly VectorIsa _isa;
    private readonly int _maxLanes;
    private readonly int _maxShared;
    private readonly KernelLoadMeter _meter;
    private readonly Lock _compiling = new();
    private readonly Dictionary<Index3D, Shape> _shapes = [];
    private Shape? _last;

    /// <param name="name">The name that errors give it.</param>
    /// <param name="function">The kernel for groups of these dimensions.</param>
    /// <param name="isa">The vectors.</param>
    /// <param name="maxLanes">Lanes of the largest group.</param>
    /// <param name="maxShared">Bytes of shared memory that a group may have.</param>
    /// <param name="meter">Told how long compiling takes.</param>
    public SimdKernel(string name, Func<Index3D, IrFunction> function, VectorIsa isa, int maxLanes, int maxShared, KernelLoadMeter meter)
    {
        Name = name;
        _function = function;
        _isa = isa;
        _maxLanes = maxLanes;
        _maxShared = maxShared;
        _meter = meter;
    }

    /// <summary>The name that errors give it.</summary>
    public string Name { get; }

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
            if (shape.HasPhases)
            {
                RunApart(&group, arguments, shape, whole, part);
                continue;
            }

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
    /// <exception cref="InvalidKernelOperationException">A group would have more shared memory than the device states.</exception>
    public bool Prepare(in KernelConfig config)
    {
        Shape shape = ShapeOf(config);
        long shared = (long)shape.Memory.Shared + config.SharedMemoryConfig.ArraySize;
        if (shared > _maxShared)
        {
            throw new InvalidKernelOperationException(
                $"kernel {Name}: a group has at most {_maxShared} bytes of shared memory on this device, needed {shared}");
        }

        int rest = config.GroupDim.Size % _isa.Lanes;
        _ = rest == 0 || config.GroupDim.Size > _isa.Lanes ? shape.Whole : null;
        _ = rest != 0 ? shape.Part : null;
        return shape.IsOrdered;
    }

    private void RunApart(SimdGroup* group, long* arguments, Shape shape, SimdVectorCode? whole, SimdVectorCode? part)
    {
        int width = _isa.Lanes;
        int Vector(int vector, int state)
        {
            bool isPart = vector == group->VectorCount - 1 && part is not null;
            group->FirstLane = vector * width;
            group->LaneCount = isPart ? shape.GroupDim.Size - (vector * width) : width;
            return (isPart ? part! : whole!)(arguments, group, state);
        }

        if (!SimdTurns.Run(group, Math.Max(1, _isa.WarpLanes / width), shape.Waits, Vector))
        {
            throw new AcceleratorException(
                AcceleratorType.Simd,
                $"kernel {Name}: lanes of group ({group->GroupX}, {group->GroupY}, {group->GroupZ}) wait at different barriers, or for a phase that is never complete");
        }
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
        if (_last is { } last && last.GroupDim == config.GroupDim)
        {
            return last;
        }

        lock (_compiling)
        {
            Index3D dimensions = config.GroupDim;
            if (!_shapes.TryGetValue(dimensions, out Shape? shape))
            {
                bool linear = dimensions is { Y: 1, Z: 1 };
                SimdCompiler compiler = _meter.Measure(() => new SimdCompiler(_function(dimensions), _isa, linear, _maxLanes));
                shape = new Shape(Name, dimensions, compiler, _compiling, _meter);
                _shapes.Add(dimensions, shape);
            }

            return _last = shape;
        }
    }

    // the methods for groups of one shape
    private sealed class Shape(string name, Index3D groupDim, SimdCompiler compiler, Lock compiling, KernelLoadMeter meter)
    {
        private SimdVectorCode? _whole;
        private SimdVectorCode? _part;

        public (int Shared, int Local, int Frame) Memory { get; } = compiler.Memory;

        public Index3D GroupDim { get; } = groupDim;

        public WaitScope[] Waits { get; } = compiler.Waits;

        /// <summary>Whether vectors wait apart from each other.</summary>
        public bool HasPhases { get; } = compiler.Waits.Contains(WaitScope.Phase);

        public bool IsOrdered { get; } = compiler.HasGlobalAtomics;

        public SimdVectorCode Whole => _whole ?? Make(ref _whole, full: true);

        public SimdVectorCode Part => _part ?? Make(ref _part, full: false);

        private SimdVectorCode Make(ref SimdVectorCode? method, bool full)
        {
            lock (compiling)
            {
                if (method is null)
                {
                    SimdVectorCode made = meter.Measure(() => JitDebug.Time(name, full ? "vectors" : "part of a vector", () => compiler.Compile(full)));
                    Volatile.Write(ref method, made);
                }

                return method;
            }
        }
    }
}
