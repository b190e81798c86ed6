using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>The ways into each block of a function, as they stand when this is made.</summary>
internal sealed class ControlFlow
{
    private readonly IrFunction _function;
    private readonly Dictionary<IrBlock, List<(IrBlock From, Jump Jump)>> _incoming;
    private readonly Dictionary<IrType, Instruction> _undefined = [];

    public ControlFlow(IrFunction function)
    {
        _function = function;
        _incoming = function.Blocks.ToDictionary(block => block, _ => new List<(IrBlock, Jump)>());
        foreach (IrBlock block in function.Blocks)
        {
            foreach (Jump jump in block.Successors)
            {
                _incoming[jump.Block].Add((block, jump));
            }
        }
    }

    public List<(IrBlock From, Jump Jump)> Incoming(IrBlock block) => _incoming[block];

    /// <summary>Any value of a type; in the function once <see cref="PlaceUndefined"/> is called.</summary>
    public Instruction Undefined(IrType type)
    {
        if (!_undefined.TryGetValue(type, out Instruction? value))
        {
            _undefined.Add(type, value = new Instruction(Op.Undefined, type, [], 0, default));
        }

        return value;
    }

    /// <summary>Puts the undefined values that were asked for at the start of the function.</summary>
    public void PlaceUndefined() => _function.Entry.Instructions.InsertRange(0, _undefined.Values);
}

/// <summary>
/// Something that is assigned in several blocks, turned into values: where assignments meet, a block gets a parameter. Only blocks
/// that are asked for get one.
/// </summary>
internal sealed class SsaVariable(ControlFlow flow, IrType type)
{
    private readonly Dictionary<IrBlock, IrValue> _assigned = [];
    private readonly Dictionary<IrBlock, IrValue> _atStart = [];

    /// <summary>States the variable's value at the end of a block.</summary>
    public void Assign(IrBlock block, IrValue value) => _assigned[block] = value;

    /// <summary>The variable's value at the start of a block.</summary>
    public IrValue AtStart(IrBlock block)
    {
        var open = new Queue<IrBlock>();
        IrValue value = Find(block, open);
        while (open.TryDequeue(out IrBlock? meeting))
        {
            foreach ((IrBlock from, Jump jump) in flow.Incoming(meeting))
            {
                jump.Arguments = [.. jump.Arguments, _assigned.TryGetValue(from, out IrValue? assigned) ? assigned : Find(from, open)];
            }
        }

        return value;
    }

    // follows single ways in up to an assignment, or to a block where several meet, which gets a parameter
    private IrValue Find(IrBlock block, Queue<IrBlock> open)
    {
        var passed = new List<IrBlock>();
        IrValue? value;
        while (!_atStart.TryGetValue(block, out value))
        {
            passed.Add(block);
            if (flow.Incoming(block) is not [var only])
            {
                value = Meet(block, open);
                break;
            }

            if (_assigned.TryGetValue(only.From, out value))
            {
                break;
            }

            block = only.From;
        }

        passed.ForEach(each => _atStart[each] = value);
        return value;
    }

    private IrValue Meet(IrBlock block, Queue<IrBlock> open)
    {
        if (flow.Incoming(block).Count == 0)
        {
            return flow.Undefined(type);
        }

        var parameter = new BlockParameter(block, type);
        block.Parameters.Add(parameter);
        open.Enqueue(block);
        return parameter;
    }
}
