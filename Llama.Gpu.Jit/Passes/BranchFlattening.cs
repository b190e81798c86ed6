using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Computes a few cheap values whether a branch needs them or not, so that the branch becomes a selection: lanes that differ then
/// stay together. Only what is pure, cannot fail and costs about as much as the branch.
/// </summary>
internal static class BranchFlattening
{
    private const int Instructions = 4;

    public static void Run(IrFunction function, PassOptions options)
    {
        Dictionary<IrBlock, List<IrBlock>> predecessors = Dominators.Predecessors(function);

        // an inner branch is flat before the one around it is looked at
        foreach (IrBlock block in Enumerable.Reverse(function.Blocks))
        {
            if (block.Terminator is Branch branch && Meeting(branch, predecessors) is not null)
            {
                foreach (IrBlock side in new[] { branch.IfTrue.Block, branch.IfFalse.Block }.Where(side => IsSide(side, predecessors)))
                {
                    block.Instructions.AddRange(side.Instructions);
                    side.Instructions.Clear();
                }
            }
        }
    }

    // where both ways meet after at most one cheap block each
    private static IrBlock? Meeting(Branch branch, Dictionary<IrBlock, List<IrBlock>> predecessors)
    {
        IrBlock first = branch.IfTrue.Block;
        IrBlock second = branch.IfFalse.Block;
        IrBlock? afterFirst = IsSide(first, predecessors) ? ((Goto)first.Terminator!).Target.Block : null;
        IrBlock? afterSecond = IsSide(second, predecessors) ? ((Goto)second.Terminator!).Target.Block : null;
        return afterFirst == second || (afterFirst is not null && afterFirst == afterSecond) ? afterFirst
            : afterSecond == first ? first
            : null;
    }

    private static bool IsSide(IrBlock block, Dictionary<IrBlock, List<IrBlock>> predecessors) =>
        block.Terminator is Goto && block.Parameters.Count == 0 && predecessors[block].Count == 1
        && block.Instructions.Count(instruction => instruction.Op != Op.Constant) <= Instructions
        && block.Instructions.TrueForAll(IsCheap);

    private static bool IsCheap(Instruction instruction) => instruction.Op switch
    {
        Op.Div or Op.Rem or Op.DivU or Op.RemU => false,
        Op.Load or Op.AllocateLocal or Op.AllocateShared => false,
        Op.Sqrt or Op.Rsqrt or Op.Exp or Op.Exp2 or Op.Exp2Approximate or Op.Log or Op.Log2 or Op.Sin or Op.Cos or Op.Tanh or Op.Pow => false,
        _ => !instruction.HasEffect,
    };
}
