using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>What can be told of a value by looking at how it is made.</summary>
internal static class ValueFacts
{
    // expressions are trees of a few operations: no fact is worth a long search
    private const int Depth = 8;

    /// <summary>Whether a signed integer cannot be negative.</summary>
    public static bool IsNonNegative(IrValue value) => IsNonNegative(value, Depth);

    private static bool IsNonNegative(IrValue value, int depth)
    {
        if (depth == 0 || value is not Instruction instruction)
        {
            return false;
        }

        bool Operand(int index) => IsNonNegative(instruction.Operands[index], depth - 1);
        return instruction.Op switch
        {
            Op.Constant => instruction.Type.IsInteger && ConstantEvaluator.Canonical(instruction.Type, instruction.Immediate) >= 0,
            Op.BuiltIn => true,
            Op.ZeroExtend => true,
            Op.SignExtend => Operand(0),
            Op.And or Op.Max => Operand(0) || Operand(1),
            Op.Min or Op.Or => Operand(0) && Operand(1),
            Op.Div => Operand(0) && Operand(1),
            Op.Rem or Op.Shr => Operand(0),
            Op.ShrU => ConstantEvaluator.IsConstant(instruction.Operands[1], out long count)
                && (Operand(0) || (count & (instruction.Type.ScalarBits - 1)) != 0),
            Op.Select => Operand(1) && Operand(2),
            _ => false,
        };
    }
}
