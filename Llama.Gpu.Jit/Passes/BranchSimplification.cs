using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Removes control flow that decides nothing: branches by constants and the blocks behind them, blocks that only jump on, blocks
/// with one way in from a block with one way out. A branch whose ways meet at once becomes a selection.
/// </summary>
internal static class BranchSimplification
{
    public static void Run(IrFunction function, PassOptions options)
    {
        foreach (IrBlock block in function.Blocks)
        {
            Decide(block);
        }

        RemoveUnreachable(function);
        SkipEmptyBlocks(function);
        RemoveUnreachable(function);
        foreach (IrBlock block in function.Blocks)
        {
            Join(block);
        }

        MergeChains(function);
    }

    /// <summary>Drops blocks that nothing leads to.</summary>
    public static void RemoveUnreachable(IrFunction function)
    {
        var seen = new HashSet<IrBlock> { function.Entry };
        var open = new Stack<IrBlock>(seen);
        while (open.TryPop(out IrBlock? block))
        {
            foreach (Jump jump in block.Successors)
            {
                if (seen.Add(jump.Block))
                {
                    open.Push(jump.Block);
                }
            }
        }

        function.Blocks.RemoveAll(block => !seen.Contains(block));
    }

    private static void Decide(IrBlock block)
    {
        if (block.Terminator is not Branch branch)
        {
            return;
        }

        if (ConstantEvaluator.IsConstant(branch.Condition, out long truth))
        {
            block.Terminator = new Goto(truth != 0 ? branch.IfTrue : branch.IfFalse);
        }
        else if (branch.IfTrue.Block == branch.IfFalse.Block && branch.IfTrue.Arguments.SequenceEqual(branch.IfFalse.Arguments))
        {
            block.Terminator = new Goto(branch.IfTrue);
        }
        else if (branch.Condition is Instruction { Op: Op.Not } not)
        {
            block.Terminator = new Branch(not.Operands[0], branch.IfFalse, branch.IfTrue);
        }
    }

    // a jump to a block without instructions goes on to where that block leads
    private static void SkipEmptyBlocks(IrFunction function)
    {
        HashSet<BlockParameter> usedElsewhere = ParametersUsedOutsideOwnTerminator(function);
        bool IsEmpty(IrBlock block) =>
            block.Instructions.Count == 0 && block != function.Entry && !block.Parameters.Exists(usedElsewhere.Contains);

        foreach (IrBlock block in function.Blocks)
        {
            foreach (Jump jump in block.Successors.ToList())
            {
                // bounded: empty blocks may form a loop that never ends
                for (int i = 0; i < function.Blocks.Count && jump.Block != block && IsEmpty(jump.Block); i++)
                {
                    if (jump.Block.Terminator is not Goto { Target: var next } || next.Block == jump.Block)
                    {
                        break;
                    }

                    IrBlock skipped = jump.Block;
                    jump.Arguments = [.. next.Arguments.Select(argument => Passed(argument, skipped, jump))];
                    jump.Block = next.Block;
                }
            }
        }
    }

    private static IrValue Passed(IrValue value, IrBlock block, Jump jump) =>
        value is BlockParameter parameter && parameter.Block == block ? jump.Arguments[block.Parameters.IndexOf(parameter)] : value;

    private static HashSet<BlockParameter> ParametersUsedOutsideOwnTerminator(IrFunction function)
    {
        var used = new HashSet<BlockParameter>();
        foreach (IrBlock block in function.Blocks)
        {
            used.UnionWith(block.Instructions.SelectMany(instruction => instruction.Operands).OfType<BlockParameter>());
            IEnumerable<IrValue> passed = block.Successors.SelectMany(jump => jump.Arguments);
            IEnumerable<IrValue> read = block.Terminator is Branch branch ? passed.Append(branch.Condition) : passed;
            used.UnionWith(read.OfType<BlockParameter>().Where(parameter => parameter.Block != block));
        }

        return used;
    }

    private static void Join(IrBlock block)
    {
        if (block.Terminator is not Branch branch || branch.IfTrue.Block != branch.IfFalse.Block)
        {
            return;
        }

        SourcePoint source = block.Instructions.Count > 0 ? block.Instructions[^1].Source : default;
        var arguments = (IrValue[])branch.IfTrue.Arguments.Clone();
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] != branch.IfFalse.Arguments[i])
            {
                var select = new Instruction(
                    Op.Select, arguments[i].Type, [branch.Condition, arguments[i], branch.IfFalse.Arguments[i]], 0, source);
                block.Instructions.Add(select);
                arguments[i] = select;
            }
        }

        block.Terminator = new Goto(new Jump(branch.IfTrue.Block, arguments));
    }

    private static void MergeChains(IrFunction function)
    {
        Dictionary<IrBlock, List<IrBlock>> predecessors = Dominators.Predecessors(function);
        var substitution = new Substitution();
        var merged = new HashSet<IrBlock>();
        foreach (IrBlock block in function.Blocks)
        {
            while (!merged.Contains(block) && block.Terminator is Goto { Target: var jump } && jump.Block != block
                && predecessors[jump.Block].Count == 1)
            {
                IrBlock next = jump.Block;
                for (int i = 0; i < jump.Arguments.Length; i++)
                {
                    substitution.Replace(next.Parameters[i], jump.Arguments[i]);
                }

                block.Instructions.AddRange(next.Instructions);
                block.Terminator = next.Terminator;
                merged.Add(next);
            }
        }

        function.Blocks.RemoveAll(merged.Contains);
        substitution.Apply(function);
    }
}
