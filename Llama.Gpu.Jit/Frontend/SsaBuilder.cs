using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>A block while variables still stand in it.</summary>
internal sealed class SsaBlock
{
    public IrBlock Block { get; } = new();

    /// <summary>The jumps that lead here, with the blocks they come from.</summary>
    public List<(SsaBlock From, Jump Jump)> Incoming { get; } = [];

    /// <summary>Variables' values at the end of what has been built.</summary>
    public Dictionary<Variable, IrValue> Values { get; } = [];

    /// <summary>Parameters whose arguments from the loop's end are not yet known.</summary>
    public List<(Variable Variable, BlockParameter Parameter)> Incomplete { get; } = [];

    /// <summary>
    /// For the head of a loop whose end has not been seen: whether a variable may change within. Null when all jumps are known.
    /// </summary>
    public Func<Variable, bool>? MayChange { get; set; }
}

/// <summary>
/// Turns reads and writes of variables into values, after Braun et al., "Simple and Efficient Construction of Static Single
/// Assignment Form" (2013), with parameters of blocks in place of phi functions.
/// </summary>
internal sealed class SsaBuilder(Func<IrType, IrValue> undefined)
{
    private readonly Dictionary<BlockParameter, IrValue> _replaced = [];
    private readonly HashSet<(SsaBlock, Variable)> _reading = [];

    /// <summary>What a value has turned out to be.</summary>
    public IrValue Resolve(IrValue value)
    {
        while (value is BlockParameter parameter && _replaced.TryGetValue(parameter, out IrValue? other))
        {
            value = other;
        }

        return value;
    }

    public static void Write(SsaBlock block, Variable variable, IrValue value) => block.Values[variable] = value;

    public IrValue Read(SsaBlock block, Variable variable)
    {
        if (!block.Values.TryGetValue(variable, out IrValue? value))
        {
            value = block.MayChange is { } mayChange ? ReadOpen(block, variable, mayChange)
                : block.Incoming.Count == 0 ? undefined(variable.Type)
                : block.Incoming.Count == 1 ? Read(block.Incoming[0].From, variable)
                : ReadJoined(block, variable);
        }

        value = Resolve(value);
        block.Values[variable] = value;
        return value;
    }

    /// <summary>A jump to a block; what it passes becomes known as the block's parameters do.</summary>
    public static Jump Connect(SsaBlock from, SsaBlock to)
    {
        var jump = new Jump(to.Block, [.. to.Block.Parameters]);
        to.Incoming.Add((from, jump));
        return jump;
    }

    /// <summary>Says that every jump to the head of a loop is there.</summary>
    public void Close(SsaBlock block)
    {
        block.MayChange = null;
        foreach ((Variable variable, BlockParameter parameter) in block.Incomplete)
        {
            Complete(block, variable, parameter);
        }

        block.Incomplete.Clear();
    }

    /// <summary>Lets a value take the place of a parameter, which leaves its block.</summary>
    public void Replace(BlockParameter parameter, IrValue value, List<Jump> incoming)
    {
        int index = parameter.Block.Parameters.IndexOf(parameter);
        parameter.Block.Parameters.RemoveAt(index);
        foreach (Jump jump in incoming)
        {
            jump.Arguments = [.. jump.Arguments[..index], .. jump.Arguments[(index + 1)..]];
        }

        _replaced.Add(parameter, value);
    }

    /// <summary>The one value that a parameter can have, or null: what jumps pass, but for the parameter itself.</summary>
    public IrValue? OnlyValue(BlockParameter parameter, IEnumerable<IrValue> arguments)
    {
        IrValue? only = null;
        foreach (IrValue argument in arguments.Select(Resolve))
        {
            if (argument != parameter && argument != only)
            {
                if (only is not null)
                {
                    return null;
                }

                only = argument;
            }
        }

        return only;
    }

    private IrValue ReadOpen(SsaBlock block, Variable variable, Func<Variable, bool> mayChange)
    {
        // a jump back that is already there (a continue) leads to this very question: there a parameter is the answer
        if (!mayChange(variable) && _reading.Add((block, variable)))
        {
            IrValue[] values = [.. block.Incoming.Select(edge => Read(edge.From, variable)).Distinct()];
            _reading.Remove((block, variable));
            if (block.Values.TryGetValue(variable, out IrValue? known))
            {
                return known;
            }

            if (values.Length == 1)
            {
                return values[0];
            }
        }

        BlockParameter parameter = AddParameter(block, variable.Type);
        block.Incomplete.Add((variable, parameter));
        return parameter;
    }

    private IrValue ReadJoined(SsaBlock block, Variable variable)
    {
        BlockParameter parameter = AddParameter(block, variable.Type);
        block.Values[variable] = parameter;
        return Complete(block, variable, parameter);
    }

    // until it is complete a jump passes the parameter itself, which stands for nothing
    private static BlockParameter AddParameter(SsaBlock block, IrType type)
    {
        var parameter = new BlockParameter(block.Block, type);
        block.Block.Parameters.Add(parameter);
        foreach ((_, Jump jump) in block.Incoming)
        {
            jump.Arguments = [.. jump.Arguments, parameter];
        }

        return parameter;
    }

    private IrValue Complete(SsaBlock block, Variable variable, BlockParameter parameter)
    {
        foreach ((SsaBlock from, Jump jump) in block.Incoming)
        {
            IrValue value = Read(from, variable);
            jump.Arguments[block.Block.Parameters.IndexOf(parameter)] = value;
        }

        int index = block.Block.Parameters.IndexOf(parameter);
        if (OnlyValue(parameter, block.Incoming.Select(edge => edge.Jump.Arguments[index])) is not { } only)
        {
            return parameter;
        }

        Replace(parameter, only, [.. block.Incoming.Select(edge => edge.Jump)]);
        return only;
    }
}
