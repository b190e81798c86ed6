using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// Lays out lanes' own arrays so that the same element of neighbouring lanes lies side by side, and a vector of them is one load.
/// An array qualifies if its address goes nowhere but into loads and stores of elements of one size; in any other, each lane's
/// array is a piece of its own.
/// </summary>
internal static class LocalInterleaving
{
    /// <summary>Scales the offsets into the arrays that qualify by the lanes of a vector.</summary>
    /// <returns>For those arrays the bytes of an element, which lie between neighbouring lanes.</returns>
    public static IReadOnlyDictionary<Instruction, int> Apply(IrFunction function, int lanes)
    {
        Dictionary<IrValue, Instruction> pointers = Pointers(function);
        var sizes = new Dictionary<Instruction, int>();
        foreach (Instruction array in pointers.Values.Distinct())
        {
            sizes[array] = 0;
        }

        var excluded = new HashSet<Instruction>();
        foreach (IrBlock block in function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                for (int i = 0; i < instruction.Operands.Length; i++)
                {
                    if (pointers.TryGetValue(instruction.Operands[i], out Instruction? array) && !Fits(instruction, i, array, sizes))
                    {
                        excluded.Add(array);
                    }
                }
            }

            foreach (IrValue passed in block.Successors.SelectMany(jump => jump.Arguments))
            {
                if (pointers.TryGetValue(passed, out Instruction? array))
                {
                    excluded.Add(array);
                }
            }
        }

        var chosen = sizes.Where(pair => pair.Value > 0 && !excluded.Contains(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value);
        foreach (IrBlock block in function.Blocks)
        {
            Scale(block, lanes, instruction => pointers.TryGetValue(instruction, out Instruction? array) && chosen.ContainsKey(array));
        }

        return chosen;
    }

    // what is an array's address or comes from it by offsets alone
    private static Dictionary<IrValue, Instruction> Pointers(IrFunction function)
    {
        var pointers = new Dictionary<IrValue, Instruction>();
        foreach (IrBlock block in new Dominators(function).ReversePostorder)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (instruction.Op == Op.AllocateLocal)
                {
                    pointers.Add(instruction, instruction);
                }
                else if (instruction.Op == Op.Offset && pointers.TryGetValue(instruction.Operands[0], out Instruction? array))
                {
                    pointers.Add(instruction, array);
                }
            }
        }

        return pointers;
    }

    private static bool Fits(Instruction instruction, int operand, Instruction array, Dictionary<Instruction, int> sizes)
    {
        IrType type = instruction.Op == Op.Store ? instruction.Operands[1].Type : instruction.Type;
        if (instruction.Op == Op.Offset)
        {
            return true;
        }

        if (operand != 0 || instruction.Op is not (Op.Load or Op.Store) || type.Width > 1 || instruction.Immediate < type.Bytes)
        {
            return false;
        }

        if (sizes[array] == 0)
        {
            sizes[array] = type.Bytes;
        }

        return sizes[array] == type.Bytes;
    }

    private static void Scale(IrBlock block, int lanes, Func<Instruction, bool> isChosen)
    {
        for (int i = 0; i < block.Instructions.Count; i++)
        {
            Instruction instruction = block.Instructions[i];
            if (instruction.Op == Op.Offset && isChosen(instruction))
            {
                var factor = new Instruction(Op.Constant, IrType.I64, [], lanes, instruction.Source);
                IrValue bytes = instruction.Operands[1];
                var scaled = bytes is Instruction { Op: Op.Constant } constant
                    ? new Instruction(Op.Constant, IrType.I64, [], constant.Immediate * lanes, instruction.Source)
                    : new Instruction(Op.Mul, IrType.I64, [bytes, factor], 0, instruction.Source);
                block.Instructions.InsertRange(i, [factor, scaled]);
                instruction.Operands = [instruction.Operands[0], scaled];
                i += 2;
            }
        }
    }
}
