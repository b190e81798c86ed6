using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// Puts the constant at the end of an address where the address is used. An instruction carries it for nothing, while the sum as
/// a value of its own holds a register from where it is made to its last use: with the addresses of twelve sums, which are loaded
/// before a loop and stored after it, none would be left for the loop.
/// </summary>
internal static class FoldedOffsets
{
    /// <summary>Gives each load and store an offset of its own, right before it.</summary>
    /// <returns>Those offsets: added up where their address is pushed, and not kept.</returns>
    public static HashSet<IrValue> Apply(IrFunction function)
    {
        var folded = new HashSet<IrValue>();
        foreach (IrBlock block in function.Blocks)
        {
            for (int i = 0; i < block.Instructions.Count; i++)
            {
                Instruction access = block.Instructions[i];
                if (access.Op is not (Op.Load or Op.Store))
                {
                    continue;
                }

                (IrValue root, long bytes) = MemoryAccess.Split(access.Operands[0]);
                if (root != access.Operands[0])
                {
                    var constant = new Instruction(Op.Constant, IrType.I64, [], bytes, access.Source);
                    var offset = new Instruction(Op.Offset, root.Type, [root, constant], 0, access.Source);
                    block.Instructions.InsertRange(i, [constant, offset]);
                    access.Operands = [offset, .. access.Operands[1..]];
                    folded.Add(offset);
                    i += 2;
                }
            }
        }

        return folded;
    }
}
