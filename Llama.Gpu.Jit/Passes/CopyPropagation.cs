using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Uses a value directly where another only hands it on: a parameter of a block that gets the same value from everywhere, a scalar
/// taken out of a vector that was just built, a selection between equals.
/// </summary>
internal static class CopyPropagation
{
    public static void Run(IrFunction function, PassOptions options)
    {
        var substitution = new Substitution();
        ForwardParameters(function, substitution);
        foreach (Instruction instruction in function.Instructions)
        {
            substitution.Apply(instruction.Operands);
            if (Source(instruction) is { } source)
            {
                substitution.Replace(instruction, source);
            }
        }

        substitution.Apply(function);
        RemoveReplaced(function, substitution);
    }

    private static IrValue? Source(Instruction instruction) => instruction.Op switch
    {
        Op.Extract when instruction.Operands[0] is Instruction { Op: Op.BuildVector } vector => vector.Operands[instruction.Immediate],
        Op.Select when instruction.Operands[1] == instruction.Operands[2] => instruction.Operands[1],
        Op.Bitcast when instruction.Operands[0].Type == instruction.Type => instruction.Operands[0],
        _ => null,
    };

    // a replaced parameter may make one that it is passed to a copy too, so its users are looked at again
    private static void ForwardParameters(IrFunction function, Substitution substitution)
    {
        var incoming = function.Blocks.ToDictionary(block => block, _ => new List<Jump>());
        foreach (Jump jump in function.Blocks.SelectMany(block => block.Successors))
        {
            incoming[jump.Block].Add(jump);
        }

        var position = new Dictionary<BlockParameter, int>();
        var passedTo = new Dictionary<IrValue, List<BlockParameter>>();
        var open = new Queue<BlockParameter>();
        foreach (IrBlock block in function.Blocks)
        {
            for (int i = 0; i < block.Parameters.Count; i++)
            {
                BlockParameter parameter = block.Parameters[i];
                position.Add(parameter, i);
                open.Enqueue(parameter);
                foreach (Jump jump in incoming[block])
                {
                    if (!passedTo.TryGetValue(jump.Arguments[i], out List<BlockParameter>? users))
                    {
                        passedTo.Add(jump.Arguments[i], users = []);
                    }

                    users.Add(parameter);
                }
            }
        }

        while (open.TryDequeue(out BlockParameter? parameter))
        {
            if (substitution.Of(parameter) == parameter && OnlyValue(parameter, position[parameter], incoming, substitution) is { } value)
            {
                substitution.Replace(parameter, value);
                if (passedTo.TryGetValue(parameter, out List<BlockParameter>? users))
                {
                    users.ForEach(open.Enqueue);
                    if (passedTo.TryGetValue(value, out List<BlockParameter>? others))
                    {
                        others.AddRange(users);
                    }
                    else
                    {
                        passedTo.Add(value, [.. users]);
                    }
                }
            }
        }
    }

    // the one value that every jump passes, itself aside
    private static IrValue? OnlyValue(
        BlockParameter parameter, int index, Dictionary<IrBlock, List<Jump>> incoming, Substitution substitution)
    {
        IrValue? only = null;
        foreach (Jump jump in incoming[parameter.Block])
        {
            IrValue value = substitution.Of(jump.Arguments[index]);
            if (value != parameter && value != only)
            {
                if (only is not null)
                {
                    return null;
                }

                only = value;
            }
        }

        return only;
    }

    private static void RemoveReplaced(IrFunction function, Substitution substitution)
    {
        if (substitution.IsEmpty)
        {
            return;
        }

        bool Stays(BlockParameter parameter) => substitution.Of(parameter) == parameter;
        foreach (Jump jump in function.Blocks.SelectMany(block => block.Successors))
        {
            List<BlockParameter> parameters = jump.Block.Parameters;
            if (!parameters.TrueForAll(Stays))
            {
                jump.Arguments = [.. jump.Arguments.Where((_, i) => Stays(parameters[i]))];
            }
        }

        foreach (IrBlock block in function.Blocks)
        {
            block.Parameters.RemoveAll(parameter => !Stays(parameter));
            block.Instructions.RemoveAll(instruction => substitution.Of(instruction) != instruction);
        }
    }
}
