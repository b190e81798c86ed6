using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>All that is known of a kernel before code is emitted.</summary>
internal sealed class SimdAnalysis
{
    public SimdAnalysis(IrFunction function, VectorIsa isa, bool linear, int maxLanes)
    {
        Isa = isa;
        Linear = linear;
        IReadOnlyDictionary<Instruction, int> interleaved = LocalInterleaving.Apply(function, isa.Lanes);
        Layout = new MemoryLayout(function, maxLanes, interleaved);
        Folded = FoldedOffsets.Apply(function);
        Graph = new ControlFlowGraph(function);
        Uses = new ValueUses(Graph);
        Shapes = new ShapeAnalysis(Graph, Uses, Layout, isa.Lanes, linear, isa.WarpLanes > isa.Lanes);
        Frames = new BarrierFrames(Graph, Uses, Shapes, isa);
        Spread = isa.Lanes == 1 ? [] : FindSpread();
    }

    public VectorIsa Isa { get; }

    /// <summary>Whether groups have one dimension.</summary>
    public bool Linear { get; }

    public ControlFlowGraph Graph { get; }

    public ValueUses Uses { get; }

    public ShapeAnalysis Shapes { get; }

    public BarrierFrames Frames { get; }

    public MemoryLayout Layout { get; }

    /// <summary>Addresses that are made where they are used, unless they vary.</summary>
    public HashSet<IrValue> Folded { get; }

    /// <summary>
    /// Values that do not vary but are used as vectors more than once, or in other blocks than their own: their vectors are made
    /// once, where the value is, and not at each use or in each turn of a loop.
    /// </summary>
    public HashSet<IrValue> Spread { get; }

    private HashSet<IrValue> FindSpread()
    {
        var home = new Dictionary<IrValue, IrBlock>();
        foreach (IrBlock block in Graph.Blocks)
        {
            block.Parameters.ForEach(parameter => home.Add(parameter, block));
            block.Instructions.ForEach(instruction => home.Add(instruction, block));
        }

        var spread = new HashSet<IrValue>();
        var used = new HashSet<IrValue>();
        void Use(IrValue value, IrBlock block)
        {
            if (!Shapes[value].IsVarying && value is not Instruction { Op: Op.Constant } && (home[value] != block || !used.Add(value)))
            {
                spread.Add(value);
            }
        }

        foreach (IrBlock block in Graph.Blocks)
        {
            foreach (Instruction instruction in block.Instructions.Where(Uses.IsNeeded))
            {
                bool vector = Shapes[instruction].IsVarying && instruction.Op != Op.Load;
                IEnumerable<IrValue> operands = instruction.Op == Op.Store ? instruction.Operands.Skip(1) : vector ? instruction.Operands : [];
                foreach (IrValue operand in operands)
                {
                    Use(operand, block);
                }
            }

            foreach (Jump jump in block.Successors)
            {
                for (int i = 0; i < jump.Arguments.Length; i++)
                {
                    if (Shapes[jump.Block.Parameters[i]].IsVarying && Uses.IsNeeded(jump.Block.Parameters[i]))
                    {
                        Use(jump.Arguments[i], block);
                    }
                }
            }
        }

        return spread;
    }
}
