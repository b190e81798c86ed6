using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>A natural loop: a head that dominates every block that jumps back to it, and all blocks on the way.</summary>
internal sealed class Loop(IrBlock header)
{
    public IrBlock Header { get; } = header;

    public HashSet<IrBlock> Blocks { get; } = [header];

    /// <summary>Blocks that jump back to the head.</summary>
    public List<IrBlock> Latches { get; } = [];

    /// <summary>Whether no other loop lies within.</summary>
    public bool IsInnermost { get; set; } = true;

    /// <summary>The block before the loop that leads to it alone; there after <see cref="LoopForest.Simplify"/>.</summary>
    public IrBlock? Preheader { get; set; }

    public int InstructionCount => Blocks.Sum(block => block.Instructions.Count(instruction => instruction.Op != Op.Constant));

    /// <summary>The jump of a block to the head.</summary>
    public Jump BackJump(IrBlock latch) => latch.Successors.First(jump => jump.Block == Header);

    /// <summary>Jumps that leave the loop.</summary>
    public IEnumerable<(IrBlock Block, Jump Jump)> Exits() =>
        Blocks.SelectMany(block => block.Successors.Where(jump => !Blocks.Contains(jump.Block)).Select(jump => (block, jump)));
}

/// <summary>The loops of a function, inner ones before those around them.</summary>
internal sealed class LoopForest
{
    private readonly Dictionary<IrBlock, List<IrBlock>> _predecessors;

    public LoopForest(IrFunction function)
    {
        Tree = new DominatorTree(function);
        _predecessors = Dominators.Predecessors(function);
        foreach (IrBlock header in Enumerable.Reverse(Tree.ReversePostorder))
        {
            List<IrBlock> latches = [.. _predecessors[header].Where(from => Tree.Dominates(header, from)).Distinct()];
            if (latches.Count > 0)
            {
                Loops.Add(Collect(header, latches));
            }
        }
    }

    public DominatorTree Tree { get; }

    public List<Loop> Loops { get; } = [];

    /// <summary>Gives every loop one block before it that leads to it alone, and one block that jumps back.</summary>
    public static LoopForest Simplify(IrFunction function)
    {
        var forest = new LoopForest(function);
        bool changed = false;
        foreach (Loop loop in forest.Loops)
        {
            ILookup<bool, IrBlock> sources = forest._predecessors[loop.Header].ToLookup(loop.Latches.Contains);
            changed |= forest.Gather(function, loop.Header, [.. sources[false].Distinct()]);
            changed |= forest.Gather(function, loop.Header, [.. sources[true].Distinct()]);
        }

        forest = changed ? new LoopForest(function) : forest;
        foreach (Loop loop in forest.Loops)
        {
            loop.Preheader = forest._predecessors[loop.Header].First(block => !loop.Blocks.Contains(block));
        }

        return forest;
    }

    // leads several ways to a block through one new block, unless it is one way already that leads nowhere else
    private bool Gather(IrFunction function, IrBlock target, IrBlock[] sources)
    {
        if (sources is [{ Terminator: Goto }])
        {
            return false;
        }

        var block = new IrBlock();
        Jump[] jumps = [.. sources.SelectMany(source => source.Successors).Where(jump => jump.Block == target)];
        var passed = new IrValue[target.Parameters.Count];
        var differing = new List<int>();
        for (int i = 0; i < passed.Length; i++)
        {
            // what all of them pass stays in sight: a constant that a counter starts from is to be found
            passed[i] = jumps[0].Arguments[i];
            if (Array.Exists(jumps, jump => jump.Arguments[i] != passed[i]))
            {
                var parameter = new BlockParameter(block, target.Parameters[i].Type) { Name = target.Parameters[i].Name };
                block.Parameters.Add(parameter);
                passed[i] = parameter;
                differing.Add(i);
            }
        }

        block.Terminator = new Goto(new Jump(target, passed));
        Array.ForEach(jumps, jump => jump.Arguments = [.. differing.Select(i => jump.Arguments[i])]);
        Array.ForEach(jumps, jump => jump.Block = block);
        function.Blocks.Insert(function.Blocks.IndexOf(target), block);
        _predecessors[block] = [.. _predecessors[target].Where(sources.Contains)];
        _predecessors[target] = [.. _predecessors[target].Except(sources), block];
        return true;
    }

    private Loop Collect(IrBlock header, List<IrBlock> latches)
    {
        var loop = new Loop(header);
        loop.Latches.AddRange(latches);
        var open = new Stack<IrBlock>(latches);
        while (open.TryPop(out IrBlock? block))
        {
            if (loop.Blocks.Add(block))
            {
                _predecessors[block].ForEach(open.Push);
            }
        }

        // heads come in postorder, so what lies within has been found
        loop.IsInnermost = !Loops.Exists(inner => loop.Blocks.Contains(inner.Header));
        return loop;
    }
}
