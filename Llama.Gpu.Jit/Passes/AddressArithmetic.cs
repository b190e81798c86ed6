using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Brings addresses into one form: a pointer, plus what varies, plus one constant at the end, so that neighbours are recognised and
/// instructions can carry the constant. Products with powers of two become shifts.
/// </summary>
/// <remarks>
/// A constant is taken out from under the sign extension of a 32-bit sum only if it is positive: had the sum wrapped, the index
/// would be negative, and no view has such an element (<c>docs/ir.md</c>, Offset).
/// </remarks>
internal static class AddressArithmetic
{
    // index expressions have a few terms; what is deeper stays as it is
    private const int Depth = 8;

    public static void Run(IrFunction function, PassOptions options) => Rewriter.Run(function, Simplify);

    private static IrValue? Simplify(Rewriter rewriter, Instruction instruction) => instruction.Op switch
    {
        Op.Mul when instruction.Type.IsInteger => Multiply(rewriter, instruction),
        Op.Offset => Offset(rewriter, instruction),
        _ => null,
    };

    private static Instruction? Multiply(Rewriter rewriter, Instruction instruction)
    {
        if (!ConstantEvaluator.IsConstant(instruction.Operands[1], out long factor))
        {
            return null;
        }

        ulong unsigned = ConstantEvaluator.Unsigned(instruction.Type, factor);
        return unsigned > 1 && ulong.IsPow2(unsigned)
            ? rewriter.Emit(Op.Shl, instruction.Type, instruction.Operands[0], rewriter.Constant(IrType.I32, (long)ulong.Log2(unsigned)))
            : null;
    }

    private static Instruction? Offset(Rewriter rewriter, Instruction instruction)
    {
        (IrValue root, long before) = MemoryAccess.Split(instruction.Operands[0]);
        (IrValue? rest, long constant) = Peel(rewriter, instruction.Operands[1], Depth);
        bool inForm = rest is null ? root == instruction.Operands[0] : constant == 0 && before == 0;
        if (inForm)
        {
            return null;
        }

        IrValue pointer = rest is null ? root : rewriter.Emit(Op.Offset, instruction.Type, root, rest);
        return rewriter.Emit(Op.Offset, instruction.Type, pointer, rewriter.Constant(IrType.I64, before + constant));
    }

    // a value as one that varies, or nothing, and a constant: their sum modulo the width
    private static (IrValue? Varying, long Constant) Peel(Rewriter rewriter, IrValue value, int depth)
    {
        if (ConstantEvaluator.IsConstant(value, out long whole))
        {
            return (null, whole);
        }

        if (depth == 0 || value is not Instruction { Op: Op.Add or Op.Sub or Op.Mul or Op.Shl or Op.SignExtend } instruction)
        {
            return (value, 0);
        }

        (IrValue? left, long first) = Peel(rewriter, instruction.Operands[0], depth - 1);
        return instruction.Op switch
        {
            Op.SignExtend => left is not null && instruction.Operands[0].Type == IrType.I32 && (int)first > 0
                ? (rewriter.Emit(Op.SignExtend, instruction.Type, left), (int)first)
                : (value, 0),
            Op.Add or Op.Sub => Sum(rewriter, instruction, left, first, Peel(rewriter, instruction.Operands[1], depth - 1)),
            _ => Product(rewriter, instruction, left, first),
        };
    }

    private static (IrValue? Varying, long Constant) Sum(
        Rewriter rewriter, Instruction sum, IrValue? left, long first, (IrValue? Varying, long Constant) right)
    {
        long constant = ConstantEvaluator.Canonical(sum.Type, sum.Op == Op.Add ? first + right.Constant : first - right.Constant);
        if (constant == 0 && first == 0)
        {
            return (sum, 0);
        }

        IrValue? rest = (left, right.Varying) switch
        {
            (_, null) => left,
            (null, _) => sum.Op == Op.Add ? right.Varying : rewriter.Emit(Op.Neg, sum.Type, right.Varying),
            _ => rewriter.Emit(sum.Op, sum.Type, left, right.Varying),
        };
        return (rest, constant);
    }

    private static (IrValue? Varying, long Constant) Product(Rewriter rewriter, Instruction product, IrValue? left, long first)
    {
        if (first == 0 || left is null || !ConstantEvaluator.IsConstant(product.Operands[1], out long factor)
            || ConstantEvaluator.Evaluate(product.Op, product.Type, product.Type, [first, factor]) is not { } constant)
        {
            return (product, 0);
        }

        return (rewriter.Emit(product.Op, product.Type, left, product.Operands[1]), constant);
    }
}
