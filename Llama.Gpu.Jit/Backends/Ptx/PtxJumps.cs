using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>The ends of blocks: branches, and moves of what jumps pass into the registers of block parameters.</summary>
/// <param name="values">The registers of each value.</param>
/// <param name="labels">The label of each block.</param>
/// <param name="moves">Moves into block parameters.</param>
/// <param name="write">Takes instructions.</param>
/// <param name="label">Takes a label.</param>
internal sealed class PtxJumps(
    IReadOnlyDictionary<IrValue, string[]> values,
    IReadOnlyDictionary<IrBlock, string> labels,
    PtxMoves moves,
    Action<string> write,
    Action<string> label)
{
    private int _edges;

    /// <summary>Writes the end of a block.</summary>
    /// <param name="terminator">The end.</param>
    /// <param name="next">The block that is written next, which needs no jump; null if none is.</param>
    public void Terminate(Terminator terminator, IrBlock? next)
    {
        switch (terminator)
        {
            case Goto only:
                Follow(only.Target, next);
                break;
            case Branch branch:
                Follow(branch, next);
                break;
            default:
                write("ret;");
                break;
        }
    }

    private void Follow(Branch branch, IrBlock? next)
    {
        string condition = values[branch.Condition][0];
        bool trueMoves = branch.IfTrue.Arguments.Length > 0;
        bool falseMoves = branch.IfFalse.Arguments.Length > 0;
        if (!trueMoves && branch.IfTrue.Block != next)
        {
            write($"@{condition} bra {labels[branch.IfTrue.Block]};");
            Follow(branch.IfFalse, next);
        }
        else if (!falseMoves)
        {
            write($"@!{condition} bra {labels[branch.IfFalse.Block]};");
            Follow(branch.IfTrue, next);
        }
        else
        {
            string edge = $"E{_edges++}";
            write($"@!{condition} bra {edge};");
            Follow(branch.IfTrue, null);
            label(edge);
            Follow(branch.IfFalse, next);
        }
    }

    private void Follow(Jump jump, IrBlock? next)
    {
        var passed = new List<PtxMove>();
        for (int i = 0; i < jump.Arguments.Length; i++)
        {
            IrType type = jump.Arguments[i].Type;
            string[] to = values[jump.Block.Parameters[i]];
            string[] from = values[jump.Arguments[i]];
            passed.AddRange(to.Zip(from, (target, source) => new PtxMove(target, source, type.Scalar)).Where(move => move.To != move.From));
        }

        moves.AtOnce(passed);
        if (jump.Block != next)
        {
            write($"bra {labels[jump.Block]};");
        }
    }
}
