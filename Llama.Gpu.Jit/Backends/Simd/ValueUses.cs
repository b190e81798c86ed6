using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>Where values are used, as far as something with an effect depends on it.</summary>
internal sealed class ValueUses
{
    private readonly ControlFlowGraph _graph;
    private readonly HashSet<IrValue> _needed = [];

    public ValueUses(ControlFlowGraph graph)
    {
        _graph = graph;
        var open = new Stack<IrValue>();
        void Need(IrValue value)
        {
            if (_needed.Add(value))
            {
                open.Push(value);
            }
        }

        foreach (IrBlock block in graph.Blocks)
        {
            foreach (Instruction instruction in block.Instructions.Where(instruction => instruction.HasEffect))
            {
                Need(instruction);
            }

            if (block.Terminator is Branch branch)
            {
                Need(branch.Condition);
            }
        }

        while (open.TryPop(out IrValue? value))
        {
            if (value is Instruction instruction)
            {
                Array.ForEach(instruction.Operands, Need);
            }
            else if (value is BlockParameter parameter)
            {
                int index = parameter.Block.Parameters.IndexOf(parameter);
                foreach (Jump jump in JumpsTo(parameter.Block))
                {
                    Need(jump.Arguments[index]);
                }
            }
        }
    }

    /// <summary>Whether anything depends on a value.</summary>
    public bool IsNeeded(IrValue value) => _needed.Contains(value);

    /// <summary>Every use of a value: the block in which it is used.</summary>
    public IEnumerable<(IrValue Value, IrBlock Block)> All()
    {
        foreach (IrBlock block in _graph.Blocks)
        {
            foreach (Instruction instruction in block.Instructions.Where(IsNeeded))
            {
                foreach (IrValue operand in instruction.Operands)
                {
                    yield return (operand, block);
                }
            }

            if (block.Terminator is Branch branch)
            {
                yield return (branch.Condition, block);
            }

            foreach (Jump jump in block.Successors)
            {
                for (int i = 0; i < jump.Arguments.Length; i++)
                {
                    if (IsNeeded(jump.Block.Parameters[i]))
                    {
                        yield return (jump.Arguments[i], block);
                    }
                }
            }
        }
    }

    /// <summary>
    /// The 64-bit integers that end in addresses alone. A 32-bit index that wraps between two lanes lies outside its view on one
    /// side of the wrap, so such a value may be taken as if it did not.
    /// </summary>
    public HashSet<IrValue> AddressesOnly()
    {
        var found = new HashSet<IrValue>(
            _graph.Blocks.SelectMany(block => block.Instructions.Cast<IrValue>().Concat(block.Parameters)).Where(value => value.Type == IrType.I64));
        bool changed = true;
        while (changed)
        {
            changed = false;
            foreach (IrBlock block in _graph.Blocks)
            {
                foreach (Instruction instruction in block.Instructions.Where(IsNeeded))
                {
                    bool keeps = instruction.Op == Op.Offset
                        || (instruction.Op is Op.Add or Op.Sub or Op.Mul or Op.Shl && found.Contains(instruction));
                    foreach (IrValue operand in keeps ? [] : instruction.Operands)
                    {
                        changed |= found.Remove(operand);
                    }
                }

                foreach (Jump jump in block.Successors)
                {
                    for (int i = 0; i < jump.Arguments.Length; i++)
                    {
                        IrValue parameter = jump.Block.Parameters[i];
                        changed |= IsNeeded(parameter) && !found.Contains(parameter) && found.Remove(jump.Arguments[i]);
                    }
                }
            }
        }

        return found;
    }

    private IEnumerable<Jump> JumpsTo(IrBlock block) =>
        _graph.Predecessors[block].Distinct().SelectMany(from => from.Successors).Where(jump => jump.Block == block);
}
