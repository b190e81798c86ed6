using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>
/// Where the blocks of a function go in a language of nested loops and branches. A loop's blocks stand within it, what follows
/// it after it; a block that one jump alone leads to stands where the jump is; any other stands after the block that dominates
/// it. After N. Ramsey, "Beyond Relooper" (2022), with loop exits moved behind their loop.
/// </summary>
internal sealed class ControlStructure
{
    private readonly Dictionary<IrBlock, Loop> _loops = [];
    private readonly Dictionary<IrBlock, Loop> _innermost = [];
    private readonly Dictionary<IrBlock, List<IrBlock>> _joins = [];
    private readonly Dictionary<IrBlock, List<IrBlock>> _exits = [];
    private readonly HashSet<IrBlock> _inline = [];

    public ControlStructure(IrFunction function)
    {
        var dominators = new Dominators(function);
        var predecessors = Dominators.Predecessors(function);
        foreach (IrBlock block in dominators.ReversePostorder)
        {
            IrBlock[] latches = [.. predecessors[block].Where(from => dominators.Reachable(from) && dominators.Dominates(block, from))];
            if (latches.Length > 0)
            {
                AddLoop(block, latches, predecessors);
            }
        }

        foreach (IrBlock block in dominators.ReversePostorder.Skip(1))
        {
            Place(block, dominators.ImmediateDominator(block)!, predecessors[block].Count(from => !dominators.Dominates(block, from)));
        }
    }

    /// <summary>Whether jumps lead back to a block.</summary>
    public bool IsLoop(IrBlock block) => _loops.ContainsKey(block);

    /// <summary>Whether a block stands where the only jump to it is, apart from those that lead back.</summary>
    public bool IsInline(IrBlock block) => _inline.Contains(block);

    /// <summary>The blocks that stand after a block and what it leads to alone, in order.</summary>
    public IReadOnlyList<IrBlock> Joins(IrBlock block) => _joins.GetValueOrDefault(block) ?? [];

    /// <summary>The blocks that stand behind the loop that a block begins, in order.</summary>
    public IReadOnlyList<IrBlock> Exits(IrBlock header) => _exits.GetValueOrDefault(header) ?? [];

    private void AddLoop(IrBlock header, IrBlock[] latches, Dictionary<IrBlock, List<IrBlock>> predecessors)
    {
        var loop = new Loop(header, _innermost.GetValueOrDefault(header), [header]);
        var open = new Stack<IrBlock>(latches);
        while (open.TryPop(out IrBlock? block))
        {
            if (loop.Blocks.Add(block))
            {
                predecessors[block].ForEach(open.Push);
            }
        }

        _loops.Add(header, loop);
        foreach (IrBlock block in loop.Blocks)
        {
            // outer loops come first in reverse postorder, so the last one stays
            _innermost[block] = loop;
        }
    }

    private void Place(IrBlock block, IrBlock dominator, int forwardJumps)
    {
        Loop? left = null;
        for (Loop? loop = _innermost.GetValueOrDefault(dominator); loop is not null && !loop.Blocks.Contains(block); loop = loop.Parent)
        {
            left = loop;
        }

        if (left is not null)
        {
            Add(_exits, left.Header, block);
        }
        else if (forwardJumps == 1)
        {
            _inline.Add(block);
        }
        else
        {
            Add(_joins, dominator, block);
        }
    }

    private static void Add(Dictionary<IrBlock, List<IrBlock>> lists, IrBlock key, IrBlock block)
    {
        if (!lists.TryGetValue(key, out List<IrBlock>? list))
        {
            lists.Add(key, list = []);
        }

        list.Add(block);
    }

    private sealed record Loop(IrBlock Header, Loop? Parent, HashSet<IrBlock> Blocks);
}
