using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// Where the lanes of a vector can part and meet: divergent branches, the blocks where lanes meet that came different ways, and
/// the loops that lanes leave in different turns.
/// </summary>
internal sealed class DivergentFlow(ControlFlowGraph graph, ShapeAnalysis shapes)
{
    private readonly HashSet<IrBlock> _branches = [];
    private readonly HashSet<IrBlock> _joins = [];
    private readonly HashSet<BlockLoop> _loops = [];
    private readonly HashSet<IrValue> _apart = [];

    /// <summary>Whether lanes can leave a block different ways.</summary>
    public bool IsDivergent(IrBlock block) => _branches.Contains(block);

    public bool HasBranches => _branches.Count > 0;

    /// <summary>Whether lanes that came different ways, or in different turns of a loop, meet at a block's start.</summary>
    public bool IsJoin(IrBlock block) => _joins.Contains(block);

    /// <summary>
    /// Whether lanes keep values of different turns: made in a loop that lanes leave in different turns, and used after it.
    /// </summary>
    public bool IsForcedApart(IrValue value) => _apart.Contains(value);

    /// <summary>The blocks that lanes can come to while others are elsewhere: those between a divergent branch and where its ways meet.</summary>
    public HashSet<IrBlock> BlocksApart()
    {
        var found = new HashSet<IrBlock>();
        foreach (IrBlock branch in _branches)
        {
            IrBlock? end = graph.Postdominator(branch);
            var seen = new HashSet<IrBlock>();
            var open = new Stack<IrBlock>(branch.Successors.Select(jump => jump.Block));
            while (open.TryPop(out IrBlock? block))
            {
                if (block != end && seen.Add(block))
                {
                    foreach (Jump jump in block.Successors)
                    {
                        open.Push(jump.Block);
                    }
                }
            }

            found.UnionWith(seen);
        }

        return found;
    }

    /// <summary>Adds what follows from the shapes as they are now; false if that was nothing.</summary>
    public bool Extend()
    {
        bool changed = false;
        foreach (IrBlock block in graph.Blocks)
        {
            if (block.Terminator is Branch branch && !shapes[branch.Condition].IsUniform && _branches.Add(block))
            {
                changed = true;
                FindJoins(block);
                FindLoops(block);
            }
        }

        return changed;
    }

    // Labels each block with the way that leads to it from the branch; where two labels meet, lanes meet.
    private void FindJoins(IrBlock branch)
    {
        var labels = new Dictionary<IrBlock, IrBlock>();
        IrBlock? end = graph.Postdominator(branch);
        IrBlock[] targets = [.. branch.Successors.Select(jump => jump.Block)];
        Reach(labels, targets[0], targets[0]);
        Reach(labels, targets[1], targets[1]);
        if (targets[0] == targets[1])
        {
            _joins.Add(targets[0]);
        }

        bool changed = true;
        while (changed)
        {
            changed = false;
            foreach (IrBlock block in graph.Blocks)
            {
                if (block != branch && block != end && labels.TryGetValue(block, out IrBlock? label))
                {
                    foreach (Jump jump in block.Successors)
                    {
                        changed |= Reach(labels, jump.Block, label);
                    }
                }
            }
        }
    }

    private bool Reach(Dictionary<IrBlock, IrBlock> labels, IrBlock block, IrBlock label)
    {
        if (!labels.TryGetValue(block, out IrBlock? before))
        {
            labels.Add(block, label);
            return true;
        }

        if (before == label)
        {
            return false;
        }

        _joins.Add(block);
        labels[block] = block;
        return before != block;
    }

    private void FindLoops(IrBlock branch)
    {
        IrBlock? end = graph.Postdominator(branch);
        foreach (BlockLoop loop in graph.Loops.Where(loop => loop.Blocks.Contains(branch) && (end is null || !loop.Blocks.Contains(end))))
        {
            if (_loops.Add(loop))
            {
                MarkLeavingValues(loop);
            }
        }
    }

    private void MarkLeavingValues(BlockLoop loop)
    {
        // what has no operands is the same in every turn
        var defined = loop.Blocks
            .SelectMany(block => block.Instructions.Where(instruction => instruction.Operands.Length > 0).Cast<IrValue>().Concat(block.Parameters))
            .ToHashSet();
        foreach (IrBlock block in graph.Blocks)
        {
            if (loop.Blocks.Contains(block))
            {
                _joins.UnionWith(block.Successors.Select(jump => jump.Block).Where(target => !loop.Blocks.Contains(target)));
                continue;
            }

            IEnumerable<IrValue> used = block.Instructions.SelectMany(instruction => instruction.Operands)
                .Concat(block.Successors.SelectMany(jump => jump.Arguments))
                .Concat(block.Terminator is Branch { Condition: var condition } ? [condition] : []);
            _apart.UnionWith(used.Where(defined.Contains));
        }
    }
}
