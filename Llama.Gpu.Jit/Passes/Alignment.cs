using System.Numerics;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Which power of two every integer and every address is a multiple of: what loads of several elements at once have to know.
/// Values around loops are assumed to be multiples of anything until the loop shows otherwise.
/// </summary>
internal sealed class Alignment
{
    private const int Any = 63;
    private const int Allocation = 4;
    private const int Rounds = 16;
    private readonly Dictionary<IrValue, int> _zeros = [];
    private readonly PassOptions _options;

    public Alignment(IrFunction function, PassOptions options)
    {
        _options = options;
        List<IrBlock> order = new Dominators(function).ReversePostorder;
        foreach (BlockParameter parameter in order.SelectMany(block => block.Parameters))
        {
            _zeros[parameter] = Any;
        }

        bool changed = true;
        for (int i = 0; changed && i < Rounds; i++)
        {
            changed = Round(order);
        }

        if (changed)
        {
            // assumptions that did not settle are given up
            foreach (BlockParameter parameter in order.SelectMany(block => block.Parameters))
            {
                _zeros[parameter] = 0;
            }

            order.SelectMany(block => block.Instructions).ToList().ForEach(instruction => _zeros[instruction] = Compute(instruction));
        }
    }

    /// <summary>A power of two that a value is a multiple of: the number of zeros at the end of its bits.</summary>
    public int Zeros(IrValue value) => _zeros.GetValueOrDefault(value);

    private bool Round(List<IrBlock> order)
    {
        bool changed = false;
        foreach (IrBlock block in order)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                _zeros[instruction] = Compute(instruction);
            }

            foreach (Jump jump in block.Successors)
            {
                for (int i = 0; i < jump.Arguments.Length; i++)
                {
                    BlockParameter parameter = jump.Block.Parameters[i];
                    int zeros = Math.Min(_zeros[parameter], _zeros.GetValueOrDefault(jump.Arguments[i], Any));
                    changed |= zeros != _zeros[parameter];
                    _zeros[parameter] = zeros;
                }
            }
        }

        return changed;
    }

    private int Compute(Instruction instruction)
    {
        int Operand(int index) => _zeros.GetValueOrDefault(instruction.Operands[index], Any);
        return Math.Min(Any, instruction.Op switch
        {
            Op.Constant when instruction.Type.IsInteger => BitOperations.TrailingZeroCount(instruction.Immediate),
            Op.Parameter => _options.Multiples.TryGetValue((int)instruction.Immediate, out int multiple) ? BitOperations.TrailingZeroCount(multiple) : 0,
            Op.AllocateShared or Op.AllocateLocal or Op.DynamicShared => Allocation,
            Op.Add or Op.Sub or Op.Or or Op.Xor or Op.Min or Op.Max or Op.MinU or Op.MaxU or Op.Offset => Math.Min(Operand(0), Operand(1)),
            Op.Rem or Op.RemU => Math.Min(Operand(0), Operand(1)),
            Op.Select => Math.Min(Operand(1), Operand(2)),
            Op.And when instruction.Type.IsInteger => Math.Max(Operand(0), Operand(1)),
            Op.Mul when instruction.Type.IsInteger => Operand(0) + Operand(1),
            Op.Shl => Operand(0) + Count(instruction),
            Op.Shr or Op.ShrU when ConstantEvaluator.IsConstant(instruction.Operands[1], out _) => Math.Max(0, Operand(0) - Count(instruction)),
            Op.SignExtend or Op.ZeroExtend or Op.Truncation or Op.Neg or Op.Abs => Operand(0),
            Op.Undefined => Any,
            _ => 0,
        });
    }

    private static int Count(Instruction shift) =>
        ConstantEvaluator.IsConstant(shift.Operands[1], out long count) ? (int)count & (shift.Type.ScalarBits - 1) : 0;
}
