namespace Llama.Gpu.Jit.Ir;

/// <summary>
/// Which blocks every way to a block leads through. Iterates to a fixed point over reverse postorder, after Cooper, Harvey and
/// Kennedy, "A Simple, Fast Dominance Algorithm" (2001).
/// </summary>
internal sealed class Dominators
{
    private readonly Dictionary<IrBlock, int> _order = [];
    private readonly int[] _immediate;

    public Dominators(IrFunction function)
    {
        Visit(function);
        _immediate = new int[ReversePostorder.Count];
        Array.Fill(_immediate, -1);
        _immediate[0] = 0;
        var predecessors = Predecessors(function);
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 1; i < ReversePostorder.Count; i++)
            {
                int dominator = -1;
                foreach (int from in predecessors[ReversePostorder[i]].Where(Reachable).Select(block => _order[block]))
                {
                    if (_immediate[from] >= 0)
                    {
                        dominator = dominator < 0 ? from : Common(dominator, from);
                    }
                }

                changed |= _immediate[i] != dominator;
                _immediate[i] = dominator;
            }
        }
    }

    /// <summary>Every reachable block, each before those it alone leads to.</summary>
    public List<IrBlock> ReversePostorder { get; } = [];

    /// <summary>The blocks that jump to each block.</summary>
    public static Dictionary<IrBlock, List<IrBlock>> Predecessors(IrFunction function)
    {
        var predecessors = function.Blocks.ToDictionary(block => block, _ => new List<IrBlock>());
        foreach (IrBlock block in function.Blocks)
        {
            foreach (Jump jump in block.Successors)
            {
                predecessors[jump.Block].Add(block);
            }
        }

        return predecessors;
    }

    public bool Reachable(IrBlock block) => _order.ContainsKey(block);

    /// <summary>Whether every way to <paramref name="block"/> leads through <paramref name="dominator"/>; a block dominates itself.</summary>
    public bool Dominates(IrBlock dominator, IrBlock block)
    {
        int target = _order[dominator];
        int current = _order[block];
        while (current > target)
        {
            current = _immediate[current];
        }

        return current == target;
    }

    /// <summary>The nearest block other than itself that dominates a block; null for the entry.</summary>
    public IrBlock? ImmediateDominator(IrBlock block) => _order[block] == 0 ? null : ReversePostorder[_immediate[_order[block]]];

    private int Common(int first, int second)
    {
        while (first != second)
        {
            (first, second) = first > second ? (_immediate[first], second) : (first, _immediate[second]);
        }

        return first;
    }

    // depth first without recursion: kernels unrolled into thousands of blocks must not run out of stack
    private void Visit(IrFunction function)
    {
        var seen = new HashSet<IrBlock> { function.Entry };
        var path = new Stack<(IrBlock Block, IEnumerator<Jump> Jumps)>();
        path.Push((function.Entry, function.Entry.Successors.GetEnumerator()));
        while (path.TryPeek(out var top))
        {
            if (!top.Jumps.MoveNext())
            {
                ReversePostorder.Add(path.Pop().Block);
            }
            else if (seen.Add(top.Jumps.Current.Block))
            {
                path.Push((top.Jumps.Current.Block, top.Jumps.Current.Block.Successors.GetEnumerator()));
            }
        }

        ReversePostorder.Reverse();
        for (int i = 0; i < ReversePostorder.Count; i++)
        {
            _order.Add(ReversePostorder[i], i);
        }
    }
}
