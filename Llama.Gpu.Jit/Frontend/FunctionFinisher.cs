using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>
/// The last step: values that stood for others give way to them, what nothing uses goes, blocks that only follow one another become
/// one, and pointers get their address space.
/// </summary>
internal sealed class FunctionFinisher
{
    private readonly Compilation _compilation;
    private readonly IrFunction _function;
    private readonly List<SsaBlock> _blocks;

    private FunctionFinisher(Compilation compilation, IrFunction function)
    {
        _compilation = compilation;
        _function = function;
        _blocks = compilation.Blocks;
    }

    public static void Finish(Compilation compilation, IrFunction function)
    {
        var finisher = new FunctionFinisher(compilation, function);
        compilation.Emit.Finish(finisher._blocks[0].Block);
        finisher.RemoveParametersOfOneValue();
        finisher.ResolveOperands();
        finisher.RemoveUnused();
        finisher.Chain();
        function.Blocks.AddRange(finisher._blocks.Select(block => block.Block));
        finisher.CheckShape();
        PointerSpaces.Infer(compilation, function);
    }

    private void RemoveParametersOfOneValue()
    {
        bool changed = true;
        while (changed)
        {
            changed = false;
            foreach (SsaBlock block in _blocks)
            {
                for (int i = block.Block.Parameters.Count - 1; i >= 0; i--)
                {
                    BlockParameter parameter = block.Block.Parameters[i];
                    if (_compilation.Ssa.OnlyValue(parameter, block.Incoming.Select(edge => edge.Jump.Arguments[i])) is { } only)
                    {
                        _compilation.Ssa.Replace(parameter, only, [.. block.Incoming.Select(edge => edge.Jump)]);
                        changed = true;
                    }
                }
            }
        }
    }

    private void ResolveOperands()
    {
        IrValue Resolve(IrValue value) => _compilation.Ssa.Resolve(value);
        foreach (IrBlock block in _blocks.Select(block => block.Block))
        {
            foreach (Instruction instruction in block.Instructions)
            {
                instruction.Operands = [.. instruction.Operands.Select(Resolve)];
            }

            if (block.Terminator is Branch branch)
            {
                branch.Condition = Resolve(branch.Condition);
            }

            foreach (Jump jump in block.Successors)
            {
                jump.Arguments = [.. jump.Arguments.Select(Resolve)];
            }
        }
    }

    private void RemoveUnused()
    {
        var used = new HashSet<IrValue>();
        var waiting = new Stack<IrValue>();
        void Use(IrValue value)
        {
            if (used.Add(value))
            {
                waiting.Push(value);
            }
        }

        var arguments = new Dictionary<BlockParameter, List<IrValue>>();
        foreach (SsaBlock block in _blocks)
        {
            for (int i = 0; i < block.Block.Parameters.Count; i++)
            {
                arguments.Add(block.Block.Parameters[i], [.. block.Incoming.Select(edge => edge.Jump.Arguments[i])]);
            }

            block.Block.Instructions.Where(instruction => instruction.HasEffect).ToList().ForEach(Use);
            if (block.Block.Terminator is Branch branch)
            {
                Use(branch.Condition);
            }
        }

        while (waiting.TryPop(out IrValue? value))
        {
            IEnumerable<IrValue> needed = value switch
            {
                Instruction instruction => instruction.Operands,
                BlockParameter parameter => arguments[parameter],
                Place => throw _compilation.Error(JitError.LocalReference, "a value that is chosen while the kernel runs"),
                _ => [],
            };
            foreach (IrValue operand in needed)
            {
                Use(operand);
            }
        }

        foreach (SsaBlock block in _blocks)
        {
            block.Block.Instructions.RemoveAll(instruction => !used.Contains(instruction));
            bool[] kept = [.. block.Block.Parameters.Select(used.Contains)];
            block.Block.Parameters.RemoveAll(parameter => !used.Contains(parameter));
            foreach ((_, Jump jump) in block.Incoming)
            {
                jump.Arguments = [.. jump.Arguments.Where((_, i) => kept[i])];
            }
        }
    }

    // a block that is alone in leading to the next, and leads nowhere else, takes it in
    private void Chain()
    {
        var gone = new HashSet<SsaBlock>();
        var into = new Dictionary<SsaBlock, SsaBlock>();
        foreach (SsaBlock block in _blocks)
        {
            if (block.Incoming is [{ From: var from }] && from != block)
            {
                while (into.TryGetValue(from, out SsaBlock? host))
                {
                    from = host;
                }

                if (from.Block.Terminator is Goto { Target.Block: var target } && target == block.Block)
                {
                    from.Block.Instructions.AddRange(block.Block.Instructions);
                    from.Block.Terminator = block.Block.Terminator;
                    into.Add(block, from);
                    gone.Add(block);
                }
            }
        }

        _blocks.RemoveAll(gone.Contains);
    }

    private void CheckShape()
    {
        var dominators = new Dominators(_function);
        var position = dominators.ReversePostorder
            .Select((block, index) => (block, index))
            .ToDictionary(pair => pair.block, pair => pair.index);
        foreach (IrBlock block in dominators.ReversePostorder)
        {
            foreach (Jump jump in block.Successors)
            {
                if (position[jump.Block] <= position[block] && !dominators.Dominates(jump.Block, block))
                {
                    throw _compilation.Error(JitError.Irreducible, _compilation.Kernel);
                }
            }
        }
    }
}
