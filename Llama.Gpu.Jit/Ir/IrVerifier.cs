namespace Llama.Gpu.Jit.Ir;

/// <summary>Checks that a function is what <c>docs/ir.md</c> says: run after every pass in tests and Debug builds.</summary>
internal static class IrVerifier
{
    /// <exception cref="IrException">The function is not well formed; the message names the kernel, the pass and the value.</exception>
    public static void Check(IrFunction function, string pass)
    {
        if (Problem(function) is { } problem)
        {
            throw new IrException($"kernel {function.Name} after {pass}: {problem}");
        }
    }

    private static string? Problem(IrFunction function)
    {
        if (function.Blocks.Count == 0)
        {
            return "it has no block";
        }

        var blocks = new HashSet<IrBlock>(function.Blocks);
        if (blocks.Count != function.Blocks.Count)
        {
            return "a block is listed twice";
        }

        foreach (IrBlock block in function.Blocks)
        {
            if (BlockProblem(function, block, blocks) is { } problem)
            {
                return problem;
            }
        }

        return ScopeProblem(function);
    }

    private static string? BlockProblem(IrFunction function, IrBlock block, HashSet<IrBlock> blocks)
    {
        if (block.Terminator is null)
        {
            return "a block has no terminator";
        }

        foreach (Instruction instruction in block.Instructions)
        {
            if (OpTable.Check(instruction) is { } problem)
            {
                return problem;
            }

            int groups = instruction.Op switch
            {
                Op.AsyncBarrierArrive => (int)instruction.Immediate,
                Op.TensorLoad => ClusterBoxes.Of(instruction.Immediate).Groups,
                _ => 0,
            };
            if (groups > 0 && groups != function.ClusterSize)
            {
                return $"{IrPrinter.Describe(instruction)} is for clusters of {groups} groups, which the kernel's are not";
            }

            if (instruction.Op == Op.Parameter
                && (instruction.Immediate < 0 || instruction.Immediate >= function.Parameters.Count
                    || function.Parameters[(int)instruction.Immediate].Type != instruction.Type))
            {
                return $"{IrPrinter.Describe(instruction)} is no parameter of the kernel";
            }
        }

        if (block.Terminator is Branch { Condition: var condition } && condition.Type != IrType.I1)
        {
            return $"a branch depends on a {condition.Type}";
        }

        foreach (Jump jump in block.Successors)
        {
            if (!blocks.Contains(jump.Block))
            {
                return "a jump leads to a block that is not listed";
            }

            if (jump.Block == function.Entry)
            {
                return "a jump leads to the entry";
            }

            if (!jump.Arguments.Select(argument => argument.Type).SequenceEqual(jump.Block.Parameters.Select(parameter => parameter.Type)))
            {
                return $"a jump passes ({string.Join(", ", jump.Arguments.Select(argument => argument.Type))}) to a block that takes ({string.Join(", ", jump.Block.Parameters.Select(parameter => parameter.Type))})";
            }
        }

        return null;
    }

    // every use stands where the value is known: after it in its block, or in a block that its block dominates
    private static string? ScopeProblem(IrFunction function)
    {
        var dominators = new Dominators(function);
        var defined = new Dictionary<IrValue, (IrBlock Block, int Index)>();
        foreach (IrBlock block in function.Blocks)
        {
            if (!dominators.Reachable(block))
            {
                return "a block cannot be reached";
            }

            foreach (BlockParameter parameter in block.Parameters)
            {
                defined.Add(parameter, (block, -1));
            }

            for (int i = 0; i < block.Instructions.Count; i++)
            {
                if (!defined.TryAdd(block.Instructions[i], (block, i)))
                {
                    return $"{IrPrinter.Describe(block.Instructions[i])} is listed twice";
                }
            }
        }

        bool Known(IrValue value, IrBlock block, int index) =>
            defined.TryGetValue(value, out var place)
            && (place.Block == block ? place.Index < index : dominators.Dominates(place.Block, block));

        foreach (IrBlock block in function.Blocks)
        {
            for (int i = 0; i < block.Instructions.Count; i++)
            {
                if (block.Instructions[i].Operands.FirstOrDefault(operand => !Known(operand, block, i)) is { } unknown)
                {
                    return $"{IrPrinter.Describe(block.Instructions[i])} uses a {unknown.Type} that is not known there";
                }
            }

            var used = block.Successors.SelectMany(jump => jump.Arguments).ToList();
            if (block.Terminator is Branch branch)
            {
                used.Add(branch.Condition);
            }

            if (used.FirstOrDefault(value => !Known(value, block, int.MaxValue)) is { } loose)
            {
                return $"a terminator uses a {loose.Type} that is not known there";
            }
        }

        return null;
    }
}
