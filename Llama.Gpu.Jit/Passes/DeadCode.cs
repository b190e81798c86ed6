using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Removes what nothing with an effect and no branch depends on: instructions, and parameters of blocks with what is passed for
/// them, also where they keep only each other alive around a loop.
/// </summary>
internal static class DeadCode
{
    public static void Run(IrFunction function, PassOptions options)
    {
        HashSet<IrValue> live = Live(function);
        foreach (IrBlock block in function.Blocks)
        {
            block.Instructions.RemoveAll(instruction => !live.Contains(instruction));
            foreach (Jump jump in block.Successors)
            {
                List<BlockParameter> parameters = jump.Block.Parameters;
                if (!parameters.TrueForAll(live.Contains))
                {
                    jump.Arguments = [.. jump.Arguments.Where((_, i) => live.Contains(parameters[i]))];
                }
            }
        }

        foreach (IrBlock block in function.Blocks)
        {
            block.Parameters.RemoveAll(parameter => !live.Contains(parameter));
        }
    }

    private static HashSet<IrValue> Live(IrFunction function)
    {
        var live = new HashSet<IrValue>();
        var open = new Stack<IrValue>();
        void Mark(IrValue value)
        {
            if (live.Add(value))
            {
                open.Push(value);
            }
        }

        var incoming = function.Blocks.ToDictionary(block => block, _ => new List<Jump>());
        foreach (IrBlock block in function.Blocks)
        {
            foreach (Jump jump in block.Successors)
            {
                incoming[jump.Block].Add(jump);
            }

            foreach (Instruction instruction in block.Instructions)
            {
                if (instruction.HasEffect)
                {
                    Mark(instruction);
                }
            }

            if (block.Terminator is Branch branch)
            {
                Mark(branch.Condition);
            }
        }

        while (open.TryPop(out IrValue? value))
        {
            if (value is Instruction instruction)
            {
                Array.ForEach(instruction.Operands, Mark);
            }
            else if (value is BlockParameter parameter)
            {
                int index = parameter.Block.Parameters.IndexOf(parameter);
                incoming[parameter.Block].ForEach(jump => Mark(jump.Arguments[index]));
            }
        }

        return live;
    }
}
