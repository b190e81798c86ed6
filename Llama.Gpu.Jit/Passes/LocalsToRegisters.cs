using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Holds a lane's own array in values instead of memory, if every index into it is a constant, as it is once the loops over it are
/// unrolled.
/// </summary>
internal sealed class LocalsToRegisters
{
    private readonly Dictionary<IrValue, (Instruction Array, long Offset)> _pointers = [];
    private readonly Dictionary<Instruction, Dictionary<long, IrType>> _cells = [];
    private readonly HashSet<Instruction> _excluded = [];
    private readonly Dictionary<(Instruction Array, long Offset), SsaVariable> _variables = [];
    private readonly Substitution _substitution = new();

    public static void Run(IrFunction function, PassOptions options)
    {
        var pass = new LocalsToRegisters();
        pass.FindArrays(function);
        if (pass._cells.Keys.All(pass._excluded.Contains))
        {
            return;
        }

        var flow = new ControlFlow(function);
        foreach (IrBlock block in function.Blocks)
        {
            pass.Assign(block, flow);
        }

        foreach (IrBlock block in function.Blocks)
        {
            pass.Replace(block, flow);
        }

        flow.PlaceUndefined();
        pass._substitution.Apply(function);
        DeadCode.Run(function, options);
    }

    private void FindArrays(IrFunction function)
    {
        foreach (IrBlock block in new Dominators(function).ReversePostorder)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                Visit(instruction);
            }

            foreach (IrValue passed in block.Successors.SelectMany(jump => jump.Arguments))
            {
                Exclude(passed);
            }
        }

        foreach ((Instruction array, Dictionary<long, IrType> cells) in _cells)
        {
            if (Overlap(array, cells))
            {
                _excluded.Add(array);
            }
        }
    }

    private void Visit(Instruction instruction)
    {
        switch (instruction.Op)
        {
            case Op.AllocateLocal:
                _pointers.Add(instruction, (instruction, 0));
                _cells.Add(instruction, []);
                break;
            case Op.Offset when _pointers.TryGetValue(instruction.Operands[0], out var at)
                && ConstantEvaluator.IsConstant(instruction.Operands[1], out long bytes):
                _pointers.Add(instruction, (at.Array, at.Offset + bytes));
                break;
            case Op.Load:
                Access(instruction.Operands[0], instruction.Type);
                break;
            case Op.Store:
                Access(instruction.Operands[0], instruction.Operands[1].Type);
                break;
            default:
                Array.ForEach(instruction.Operands, Exclude);
                break;
        }
    }

    private void Exclude(IrValue value)
    {
        if (_pointers.TryGetValue(value, out var at))
        {
            _excluded.Add(at.Array);
        }
    }

    // a cell is read and written whole; as another type of the same size if that has the same bits
    private void Access(IrValue pointer, IrType type)
    {
        if (_pointers.TryGetValue(pointer, out var at)
            && !_cells[at.Array].TryAdd(at.Offset, type)
            && _cells[at.Array][at.Offset] is var known && known != type
            && (known.Bytes != type.Bytes || known.Kind == IrKind.I1 || type.Kind == IrKind.I1))
        {
            _excluded.Add(at.Array);
        }
    }

    private static bool Overlap(Instruction array, Dictionary<long, IrType> cells)
    {
        long end = 0;
        foreach ((long offset, IrType type) in cells.OrderBy(cell => cell.Key))
        {
            if (offset < end)
            {
                return true;
            }

            end = offset + type.Bytes;
        }

        return end > array.Immediate;
    }

    private bool IsCell(Instruction instruction, out (Instruction Array, long Offset) cell)
    {
        cell = default;
        return instruction.Op is Op.Load or Op.Store
            && _pointers.TryGetValue(instruction.Operands[0], out cell)
            && !_excluded.Contains(cell.Array);
    }

    private SsaVariable Variable((Instruction Array, long Offset) cell, ControlFlow flow)
    {
        if (!_variables.TryGetValue(cell, out SsaVariable? variable))
        {
            _variables.Add(cell, variable = new(flow, _cells[cell.Array][cell.Offset]));
        }

        return variable;
    }

    // every block's last values, so that reads can be answered across blocks
    private void Assign(IrBlock block, ControlFlow flow)
    {
        for (int i = 0; i < block.Instructions.Count; i++)
        {
            Instruction instruction = block.Instructions[i];
            if (instruction.Op == Op.Store && IsCell(instruction, out var cell))
            {
                IrType type = _cells[cell.Array][cell.Offset];
                if (instruction.Operands[1].Type != type)
                {
                    var cast = new Instruction(Op.Bitcast, type, [instruction.Operands[1]], 0, instruction.Source);
                    block.Instructions.Insert(i++, cast);
                    instruction.Operands = [instruction.Operands[0], cast];
                }

                Variable(cell, flow).Assign(block, instruction.Operands[1]);
            }
        }
    }

    private void Replace(IrBlock block, ControlFlow flow)
    {
        var current = new Dictionary<(Instruction, long), IrValue>();
        var output = new List<Instruction>(block.Instructions.Count);
        foreach (Instruction instruction in block.Instructions)
        {
            if (!IsCell(instruction, out var cell))
            {
                output.Add(instruction);
            }
            else if (instruction.Op == Op.Store)
            {
                current[cell] = instruction.Operands[1];
            }
            else
            {
                if (!current.TryGetValue(cell, out IrValue? value))
                {
                    current.Add(cell, value = Variable(cell, flow).AtStart(block));
                }

                if (value.Type != instruction.Type)
                {
                    var cast = new Instruction(Op.Bitcast, instruction.Type, [value], 0, instruction.Source);
                    output.Add(cast);
                    value = cast;
                }

                _substitution.Replace(instruction, value);
            }
        }

        block.Instructions.Clear();
        block.Instructions.AddRange(output);
    }
}
