using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// How often a loop goes round, found by running what its exit depends on: the counter may step in any way, as in a reduction that
/// halves a distance.
/// </summary>
internal sealed class TripCount
{
    // what an exit depends on is a few operations; more is not a counter
    private const int Nodes = 64;

    private readonly Loop _loop;
    private readonly Jump _entry;
    private readonly Jump _back;
    private readonly HashSet<IrValue> _visited = [];
    private readonly Dictionary<IrValue, long> _values = [];

    private TripCount(Loop loop)
    {
        _loop = loop;
        _entry = ((Goto)loop.Preheader!.Terminator!).Target;
        _back = loop.BackJump(loop.Latches[0]);
    }

    /// <summary>
    /// The exit that ends the loop, and in which turn, counted from 0, it is taken; null where that is not known or not within
    /// <paramref name="limit"/> turns.
    /// </summary>
    public static (IrBlock Exit, int Turn)? Of(Loop loop, DominatorTree tree, int limit)
    {
        foreach ((IrBlock block, _) in loop.Exits())
        {
            // an exit that every turn passes
            if (block.Terminator is Branch branch && tree.Dominates(block, loop.Latches[0])
                && block.Successors.Any(jump => loop.Blocks.Contains(jump.Block)))
            {
                bool exitsIf = !loop.Blocks.Contains(branch.IfTrue.Block);
                if (new TripCount(loop).Count(branch.Condition, exitsIf, limit) is { } turn)
                {
                    return (block, turn);
                }
            }
        }

        return null;
    }

    private int? Count(IrValue condition, bool exitsIf, int limit)
    {
        if (!IsComputable(condition))
        {
            return null;
        }

        List<BlockParameter> counters = [.. _loop.Header.Parameters.Where(_visited.Contains)];
        var first = new Dictionary<BlockParameter, long>();
        foreach (BlockParameter counter in counters)
        {
            if (Evaluate(_entry.Arguments[_loop.Header.Parameters.IndexOf(counter)]) is not { } value)
            {
                return null;
            }

            first.Add(counter, value);
        }

        Dictionary<BlockParameter, long> current = first;
        for (int turn = 0; turn <= limit; turn++)
        {
            _values.Clear();
            foreach ((BlockParameter counter, long value) in current)
            {
                _values.Add(counter, value);
            }

            if (Evaluate(condition) is not { } truth)
            {
                return null;
            }

            if ((truth != 0) == exitsIf)
            {
                return turn;
            }

            var next = new Dictionary<BlockParameter, long>();
            foreach (BlockParameter counter in counters)
            {
                if (Evaluate(_back.Arguments[_loop.Header.Parameters.IndexOf(counter)]) is not { } value)
                {
                    return null;
                }

                next.Add(counter, value);
            }

            current = next;
        }

        return null;
    }

    // whether a value depends on nothing but constants and counters that do so too
    private bool IsComputable(IrValue value)
    {
        if (!_visited.Add(value))
        {
            return true;
        }

        if (_visited.Count > Nodes)
        {
            return false;
        }

        if (value is BlockParameter parameter)
        {
            int index = _loop.Header.Parameters.IndexOf(parameter);
            return index >= 0 && IsComputable(_entry.Arguments[index]) && IsComputable(_back.Arguments[index]);
        }

        return value is Instruction { Op: not (Op.Load or Op.BuiltIn or Op.Parameter or Op.Undefined or Op.Extract), HasEffect: false } instruction
            && Array.TrueForAll(instruction.Operands, IsComputable);
    }

    private long? Evaluate(IrValue value)
    {
        if (_values.TryGetValue(value, out long known))
        {
            return known;
        }

        if (value is not Instruction instruction)
        {
            return null;
        }

        if (ConstantEvaluator.IsConstant(value, out long constant))
        {
            return constant;
        }

        var operands = new long[instruction.Operands.Length];
        for (int i = 0; i < operands.Length; i++)
        {
            if (Evaluate(instruction.Operands[i]) is not { } operand)
            {
                return null;
            }

            operands[i] = operand;
        }

        IrType operandType = operands.Length == 0 ? instruction.Type : instruction.Operands[instruction.Op == Op.Select ? 1 : 0].Type;
        long? result = ConstantEvaluator.Evaluate(instruction.Op, instruction.Type, operandType, operands);
        if (result is { } found)
        {
            _values[value] = found;
        }

        return result;
    }
}
