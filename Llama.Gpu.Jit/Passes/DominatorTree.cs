using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>Dominators as a tree that is asked often: whether one block dominates another takes constant time.</summary>
internal sealed class DominatorTree
{
    private readonly Dictionary<IrBlock, (int First, int Last)> _range = [];
    private readonly Dictionary<IrBlock, List<IrBlock>> _children;

    public DominatorTree(IrFunction function)
    {
        var dominators = new Dominators(function);
        ReversePostorder = dominators.ReversePostorder;
        _children = ReversePostorder.ToDictionary(block => block, _ => new List<IrBlock>());
        foreach (IrBlock block in ReversePostorder.Skip(1))
        {
            _children[dominators.ImmediateDominator(block)!].Add(block);
        }

        // a block's range of numbers holds those of all that it dominates
        int next = 0;
        Walk(block => _range[block] = (next++, 0), block => _range[block] = (_range[block].First, next));
    }

    /// <summary>Every reachable block, each before those it alone leads to.</summary>
    public List<IrBlock> ReversePostorder { get; }

    public bool Dominates(IrBlock dominator, IrBlock block) =>
        _range[dominator].First <= _range[block].First && _range[block].First < _range[dominator].Last;

    /// <summary>Goes through the tree from the entry down, without recursion.</summary>
    public void Walk(Action<IrBlock> enter, Action<IrBlock> leave)
    {
        var path = new Stack<(IrBlock Block, int Child)>();
        path.Push((ReversePostorder[0], 0));
        enter(ReversePostorder[0]);
        while (path.TryPop(out (IrBlock Block, int Child) at))
        {
            if (at.Child < _children[at.Block].Count)
            {
                path.Push((at.Block, at.Child + 1));
                enter(_children[at.Block][at.Child]);
                path.Push((_children[at.Block][at.Child], 0));
            }
            else
            {
                leave(at.Block);
            }
        }
    }
}
