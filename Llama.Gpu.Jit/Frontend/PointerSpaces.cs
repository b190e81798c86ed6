using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>
/// Gives each pointer the memory that it points into. Those that come from parameters and allocations are known; what is computed
/// of them, and what jumps pass, follows.
/// </summary>
internal static class PointerSpaces
{
    public static void Infer(Compilation compilation, IrFunction function)
    {
        bool changed = true;
        while (changed)
        {
            changed = false;
            foreach (IrBlock block in function.Blocks)
            {
                foreach (Instruction offset in block.Instructions.Where(instruction => instruction.Op == Op.Offset))
                {
                    changed |= Take(offset, offset.Operands[0].Type);
                }

                foreach (Jump jump in block.Successors)
                {
                    for (int i = 0; i < jump.Arguments.Length; i++)
                    {
                        BlockParameter parameter = jump.Block.Parameters[i];
                        if (parameter.Type.IsPointer)
                        {
                            changed |= Take(parameter, jump.Arguments[i].Type);
                            changed |= jump.Arguments[i] is Instruction { Op: Op.Undefined } && Take(jump.Arguments[i], parameter.Type);
                        }
                    }
                }
            }
        }

        foreach (Instruction instruction in function.Instructions)
        {
            if (TensorIntrinsics.WrongMemory(instruction) is { } wrong)
            {
                throw JitError.WrongMemory.At(compilation.Kernel, instruction.Source, wrong);
            }
        }

        foreach (Jump jump in function.Blocks.SelectMany(block => block.Successors))
        {
            for (int i = 0; i < jump.Arguments.Length; i++)
            {
                if (jump.Arguments[i].Type != jump.Block.Parameters[i].Type && jump.Arguments[i].Type.IsPointer)
                {
                    throw compilation.Error(JitError.MixedMemory, "a view or reference");
                }
            }
        }
    }

    private static bool Take(IrValue value, IrType type)
    {
        if (value.Type.Space != AddressSpace.Generic || type.Space == AddressSpace.Generic)
        {
            return false;
        }

        value.Type = type;
        return true;
    }
}
