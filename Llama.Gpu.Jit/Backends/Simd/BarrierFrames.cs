using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// What has to be kept while a vector of lanes waits for the others of its group: the barriers, the values that are used after
/// each, and where in the vector's frame they are kept.
/// </summary>
internal sealed class BarrierFrames
{
    private readonly Dictionary<IrValue, int> _slots = [];

    public BarrierFrames(ControlFlowGraph graph, ValueUses uses, ShapeAnalysis shapes, VectorIsa isa)
    {
        int exchanged = 0;
        var liveOut = LiveOut(graph, uses);
        foreach (IrBlock block in graph.Blocks)
        {
            var live = new HashSet<IrValue>(liveOut[block]);
            AddTerminator(block, live, uses);
            for (int i = block.Instructions.Count - 1; i >= 0; i--)
            {
                Instruction instruction = block.Instructions[i];
                live.Remove(instruction);
                if (WarpExchange.IsWait(instruction, isa))
                {
                    Waits.Add(new(instruction, IsSecond: false, [.. live]));
                }
                else if (instruction.Op == Op.AsyncBarrierWait)
                {
                    Waits.Add(new(instruction, IsSecond: false, [.. live.Concat(instruction.Operands).Distinct()]));
                }
                else if (instruction.Op == Op.Broadcast)
                {
                    Waits.Add(new(instruction, IsSecond: false, [.. live.Concat(instruction.Operands).Distinct()]));
                    Waits.Add(new(instruction, IsSecond: true, [.. live, instruction]));
                }
                else if (WarpExchange.IsExchange(instruction, isa))
                {
                    Waits.Add(new(instruction, IsSecond: false, [.. live]));
                    Waits.Add(new(instruction, IsSecond: true, instruction.Type.Kind == IrKind.Void ? [.. live] : [.. live, instruction]));
                    exchanged = Math.Max(exchanged, instruction.Operands.Sum(operand => WarpExchange.Bytes(operand, isa)));
                }

                if (uses.IsNeeded(instruction))
                {
                    live.UnionWith(instruction.Operands);
                }
            }
        }

        foreach (IrValue value in Waits.SelectMany(wait => wait.Live).Where(value => !IsMadeAgain(value)))
        {
            Slot(value, shapes, isa);
        }

        // the value that is passed is read out of the frame, whatever it is
        foreach (BarrierWait wait in Waits.Where(wait => wait.Barrier.Op == Op.Broadcast))
        {
            Slot(wait.Barrier.Operands[0], shapes, isa);
        }

        ExchangeOffset = Bytes;
        Bytes = (Bytes + exchanged + 63) & ~63;
    }

    /// <summary>The places where the lanes of a group wait.</summary>
    public List<BarrierWait> Waits { get; } = [];

    /// <summary>Bytes of a vector's frame.</summary>
    public int Bytes { get; private set; }

    /// <summary>Where in the frame the operands of an exchange between the vectors of a warp lie.</summary>
    public int ExchangeOffset { get; }

    /// <summary>Offset of a value in the frame.</summary>
    public int this[IrValue value] => _slots[value];

    /// <summary>Whether a value is cheaper to make again than to keep.</summary>
    public static bool IsMadeAgain(IrValue value) =>
        value is Instruction { Op: Op.Constant or Op.Parameter or Op.BuiltIn or Op.AllocateShared or Op.AllocateLocal or Op.DynamicShared };

    private void Slot(IrValue value, ShapeAnalysis shapes, VectorIsa isa)
    {
        int bytes = value.Type.Width * (shapes[value].IsVarying ? LaneCode.Parts(value.Type) * isa.Bytes : 8);
        if (_slots.TryAdd(value, Bytes))
        {
            Bytes += bytes;
        }
    }

    private static Dictionary<IrBlock, HashSet<IrValue>> LiveOut(ControlFlowGraph graph, ValueUses uses)
    {
        var liveIn = graph.Blocks.ToDictionary(block => block, _ => new HashSet<IrValue>());
        var liveOut = graph.Blocks.ToDictionary(block => block, _ => new HashSet<IrValue>());
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = graph.Blocks.Count - 1; i >= 0; i--)
            {
                IrBlock block = graph.Blocks[i];
                foreach (Jump jump in block.Successors)
                {
                    liveOut[block].UnionWith(liveIn[jump.Block]);
                }

                var live = new HashSet<IrValue>(liveOut[block]);
                AddTerminator(block, live, uses);
                for (int k = block.Instructions.Count - 1; k >= 0; k--)
                {
                    Instruction instruction = block.Instructions[k];
                    live.Remove(instruction);
                    if (uses.IsNeeded(instruction))
                    {
                        live.UnionWith(instruction.Operands);
                    }
                }

                live.ExceptWith(block.Parameters);
                if (live.Count != liveIn[block].Count)
                {
                    liveIn[block] = live;
                    changed = true;
                }
            }
        }

        return liveOut;
    }

    private static void AddTerminator(IrBlock block, HashSet<IrValue> live, ValueUses uses)
    {
        if (block.Terminator is Branch branch)
        {
            live.Add(branch.Condition);
        }

        foreach (Jump jump in block.Successors)
        {
            live.UnionWith(jump.Arguments.Where((_, i) => uses.IsNeeded(jump.Block.Parameters[i])));
        }
    }
}

/// <summary>A place where the lanes of a group wait for each other.</summary>
/// <param name="Barrier">The barrier, or the broadcast, which waits twice: for the value to be there, and for all to have read it.</param>
/// <param name="IsSecond">Whether it is a broadcast's second wait.</param>
/// <param name="Live">The values that are used afterwards.</param>
internal sealed record BarrierWait(Instruction Barrier, bool IsSecond, List<IrValue> Live);
