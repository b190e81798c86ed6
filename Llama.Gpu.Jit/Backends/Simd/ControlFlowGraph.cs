using System.Collections;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>Loops, postdominators and the order in which blocks are laid out one after the other for masked execution.</summary>
internal sealed class ControlFlowGraph
{
    private readonly Dictionary<IrBlock, int> _index = [];
    private readonly int[] _immediatePostdominator;

    public ControlFlowGraph(IrFunction function)
    {
        Dominators = new Dominators(function);
        Blocks = Dominators.ReversePostorder;
        Predecessors = Dominators.Predecessors(function);
        for (int i = 0; i < Blocks.Count; i++)
        {
            _index.Add(Blocks[i], i);
        }

        Loops = FindLoops();
        _immediatePostdominator = Postdominators();
        Order = [];
        Arrange(Blocks.ToHashSet(), Blocks[0], null);
    }

    public Dominators Dominators { get; }

    /// <summary>The blocks in reverse postorder.</summary>
    public List<IrBlock> Blocks { get; }

    public Dictionary<IrBlock, List<IrBlock>> Predecessors { get; }

    /// <summary>The loops, outer before inner.</summary>
    public List<BlockLoop> Loops { get; }

    /// <summary>Every block after those that lead to it without going back, the blocks of a loop side by side.</summary>
    public List<IrBlock> Order { get; }

    /// <summary>The nearest block that every way out of a block leads through, or null if there is none.</summary>
    public IrBlock? Postdominator(IrBlock block)
    {
        int index = _immediatePostdominator[_index[block]];
        return index < 0 ? null : Blocks[index];
    }

    private List<BlockLoop> FindLoops()
    {
        var loops = new Dictionary<IrBlock, HashSet<IrBlock>>();
        foreach (IrBlock latch in Blocks)
        {
            foreach (IrBlock head in latch.Successors.Select(jump => jump.Block).Where(block => Dominators.Dominates(block, latch)))
            {
                if (!loops.TryGetValue(head, out var body))
                {
                    loops.Add(head, body = [head]);
                }

                var open = new Stack<IrBlock>([latch]);
                while (open.TryPop(out IrBlock? block))
                {
                    if (body.Add(block))
                    {
                        Predecessors[block].ForEach(open.Push);
                    }
                }
            }
        }

        return [.. loops.Select(loop => new BlockLoop(loop.Key, loop.Value)).OrderByDescending(loop => loop.Blocks.Count)];
    }

    // postdominator sets by iteration; the nearest one is the one that has the most postdominators itself
    private int[] Postdominators()
    {
        int count = Blocks.Count;
        var sets = new BitArray[count];
        for (int i = 0; i < count; i++)
        {
            sets[i] = new BitArray(count, true);
        }

        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = count - 1; i >= 0; i--)
            {
                BitArray? common = null;
                foreach (Jump jump in Blocks[i].Successors)
                {
                    BitArray set = sets[_index[jump.Block]];
                    common = common is null ? new BitArray(set) : common.And(set);
                }

                common ??= new BitArray(count);
                common[i] = true;
                if (!Same(common, sets[i]))
                {
                    sets[i] = common;
                    changed = true;
                }
            }
        }

        int[] sizes = [.. sets.Select(set => Members(set).Count())];
        return [.. Enumerable.Range(0, count).Select(i =>
            Members(sets[i]).Where(member => member != i).OrderByDescending(member => sizes[member]).DefaultIfEmpty(-1).First())];
    }

    private static bool Same(BitArray first, BitArray second) => !new BitArray(first).Xor(second).HasAnySet();

    private static IEnumerable<int> Members(BitArray set) => Enumerable.Range(0, set.Count).Where(i => set[i]);

    // topological order in which an inner loop counts as one block
    private void Arrange(HashSet<IrBlock> blocks, IrBlock entry, BlockLoop? outer)
    {
        BlockLoop[] inner = [.. Loops.Where(loop => loop != outer && blocks.Contains(loop.Head) && loop.Blocks.IsSubsetOf(blocks))];
        var unit = blocks.ToDictionary(block => block, block => inner.FirstOrDefault(loop => loop.Blocks.Contains(block))?.Head ?? block);
        var waiting = blocks.Select(block => unit[block]).Distinct().ToDictionary(block => block, _ => 0);
        var edges = new List<(IrBlock From, IrBlock To)>();
        foreach (IrBlock block in blocks)
        {
            foreach (IrBlock target in block.Successors.Select(jump => jump.Block))
            {
                if (target != entry && unit.TryGetValue(target, out IrBlock? to) && to != unit[block])
                {
                    edges.Add((unit[block], to));
                    waiting[to]++;
                }
            }
        }

        var ready = new SortedSet<int>([_index[unit[entry]]]);
        while (ready.Count > 0)
        {
            IrBlock next = Blocks[ready.Min];
            ready.Remove(ready.Min);
            if (inner.FirstOrDefault(loop => loop.Head == next) is { } loop)
            {
                Arrange(loop.Blocks, next, loop);
            }
            else
            {
                Order.Add(next);
            }

            foreach (var (_, to) in edges.Where(edge => edge.From == next))
            {
                if (--waiting[to] == 0)
                {
                    ready.Add(_index[to]);
                }
            }
        }
    }
}

/// <summary>A loop: the blocks from which its head is reached again.</summary>
internal sealed record BlockLoop(IrBlock Head, HashSet<IrBlock> Blocks);
