using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>
/// The arrays that hold the sums of warp groups. Products write them while a lane goes on, so they must be the same registers for all
/// products: an array is a list of registers that stays, and its elements are reached by moves.
/// </summary>
internal sealed class PtxAccumulators
{
    private readonly Dictionary<IrValue, (string[] Registers, int First)> _places = [];

    /// <exception cref="KernelCompilationException">An array is used as something that has no registers.</exception>
    public PtxAccumulators(IrFunction function, PtxRegisters registers)
    {
        foreach (Instruction product in function.Instructions.Where(instruction => instruction.IsWarpGroupProduct))
        {
            int count = WarpGroupShape.Of(product.Immediate).Sums;
            if (product.Operands[0] is not Instruction { Op: Op.AllocateLocal } array || array.Immediate != count * sizeof(float))
            {
                throw NotRegisters(function, product);
            }

            if (!_places.ContainsKey(array))
            {
                _places.Add(array, ([.. Enumerable.Range(0, count).Select(_ => registers.New(IrType.F32))], 0));
            }
        }

        if (_places.Count > 0)
        {
            Follow(function);
        }
    }

    /// <summary>Whether a value is an address in such an array, which is never needed as a number.</summary>
    public bool Holds(IrValue value) => _places.ContainsKey(value);

    /// <summary>The registers from an address on.</summary>
    public string[] At(IrValue pointer, int count) =>
        _places[pointer] is var (registers, first) ? registers[first..(first + count)] : [];

    private void Follow(IrFunction function)
    {
        foreach (IrBlock block in new Dominators(function).ReversePostorder)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (Array.Exists(instruction.Operands, Holds) && !Take(instruction))
                {
                    throw NotRegisters(function, instruction);
                }
            }

            if (block.Successors.Any(jump => Array.Exists(jump.Arguments, Holds)))
            {
                throw NotRegisters(function, block.Instructions[^1]);
            }
        }
    }

    // whether an instruction uses an array as registers can be used
    private bool Take(Instruction instruction)
    {
        if (!_places.TryGetValue(instruction.Operands[0], out var place))
        {
            return false;
        }

        if (instruction.Op == Op.Offset)
        {
            bool isCell = ConstantEvaluator.IsConstant(instruction.Operands[1], out long bytes) && bytes % sizeof(float) == 0;
            int first = place.First + (int)(bytes / sizeof(float));
            if (isCell && first >= 0 && first < place.Registers.Length)
            {
                _places.Add(instruction, (place.Registers, first));
                return true;
            }

            return false;
        }

        IrType accessed = instruction.Op == Op.Store ? instruction.Operands[1].Type : instruction.Type;
        return instruction.Op switch
        {
            Op.WarpGroupMultiply or Op.WarpGroupMultiplyHeld => place.First == 0,
            Op.Load or Op.Store => accessed.ScalarBits == 32 && place.First + accessed.Width <= place.Registers.Length,
            _ => false,
        };
    }

    private static KernelCompilationException NotRegisters(IrFunction function, Instruction instruction) =>
        JitError.WarpGroupSums.At(function.Name, instruction.Source, $"{nameof(WarpGroup)}.{nameof(WarpGroup.MultiplyAdd)}");
}
