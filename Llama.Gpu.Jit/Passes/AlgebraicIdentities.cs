using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Rules that hold for every value of their operands, bit for bit. Floats: only what IEEE 754 makes exact, so x + 0 stays, since
/// it turns -0 into 0.
/// </summary>
internal static class AlgebraicIdentities
{
    /// <summary>A simpler value equal to an instruction, or null.</summary>
    public static IrValue? Simplify(Rewriter rewriter, Instruction instruction)
    {
        IrType type = instruction.Type;
        switch (instruction.Op)
        {
            case Op.Select:
                return Select(rewriter, instruction);
            case Op.Not:
                return Complement(rewriter, instruction);
            case Op.Neg:
                return instruction.Operands[0] is Instruction { Op: Op.Neg } inner ? inner.Operands[0] : null;
            case Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU:
                return Compare(rewriter, instruction);
            case Op.Truncation or Op.SignExtend or Op.ZeroExtend or Op.Bitcast:
                return Convert(rewriter, instruction);
            case Op.Offset:
                return IsValue(instruction.Operands[1], 0) ? instruction.Operands[0] : null;
            default:
                return instruction.Operands.Length != 2 || instruction.HasEffect || type.IsPointer || type.Width > 1 ? null
                    : type.IsFloat ? Float(rewriter, instruction)
                    : type.IsInteger || type.Kind == IrKind.I1 ? Integer(rewriter, instruction)
                    : null;
        }
    }

    private static IrValue? Integer(Rewriter rewriter, Instruction instruction)
    {
        IrType type = instruction.Type;
        IrValue a = instruction.Operands[0];
        IrValue b = instruction.Operands[1];

        // constants stand on the right, so that each rule is written once
        if (ConstantEvaluator.IsConstant(a, out _) && IsCommutative(instruction.Op))
        {
            (a, b) = (b, a);
            instruction.Operands = [a, b];
        }

        if (a == b && SameOperands(rewriter, instruction.Op, type, a) is { } same)
        {
            return same;
        }

        if (ConstantEvaluator.IsConstant(a, out long zero) && zero == 0 && instruction.Op is Op.Shl or Op.Shr or Op.ShrU)
        {
            return a;
        }

        if (!ConstantEvaluator.IsConstant(b, out long constant))
        {
            return null;
        }

        if (instruction.Op is Op.Shl or Op.Shr or Op.ShrU)
        {
            constant &= type.ScalarBits - 1;
        }

        IrValue? neutral = (instruction.Op, constant) switch
        {
            (Op.Add or Op.Sub or Op.Or or Op.Xor or Op.Shl or Op.Shr or Op.ShrU or Op.MaxU, 0) => a,
            (Op.Mul or Op.And or Op.MinU, 0) => b,
            (Op.Mul or Op.Div or Op.DivU, 1) => a,
            (Op.Rem or Op.RemU, 1) => rewriter.Constant(type, 0),
            (Op.Mul, -1) => rewriter.Emit(Op.Neg, type, a),
            (Op.And, _) when IsAllOnes(type, constant) => a,
            (Op.Or, _) when IsAllOnes(type, constant) => b,
            (Op.Xor, _) when IsAllOnes(type, constant) => rewriter.Emit(Op.Not, type, a),
            (Op.Sub, _) => rewriter.Emit(Op.Add, type, a, rewriter.Constant(type, -constant)),
            _ => null,
        };
        return neutral ?? Reassociate(rewriter, instruction.Op, type, a, constant) ?? Divide(rewriter, instruction.Op, type, a, constant);
    }

    private static IrValue? SameOperands(Rewriter rewriter, Op op, IrType type, IrValue a) => op switch
    {
        Op.And or Op.Or or Op.Min or Op.MinU or Op.Max or Op.MaxU => a,
        Op.Sub or Op.Xor => rewriter.Constant(type, 0),
        _ => null,
    };

    // (a op c1) op c2 = a op (c1 op c2), exact since integers wrap
    private static Instruction? Reassociate(Rewriter rewriter, Op op, IrType type, IrValue a, long constant)
    {
        if (a is not Instruction inner || inner.Op != op || inner.Operands.Length != 2
            || !ConstantEvaluator.IsConstant(inner.Operands[1], out long first))
        {
            return null;
        }

        if (op is Op.Shl or Op.ShrU or Op.Shr)
        {
            long shift = (first & (type.ScalarBits - 1)) + constant;
            return shift >= type.ScalarBits ? null : rewriter.Emit(op, type, inner.Operands[0], rewriter.Constant(IrType.I32, shift));
        }

        return op is Op.Add or Op.Mul or Op.And or Op.Or or Op.Xor
            && ConstantEvaluator.Evaluate(op, type, type, [first, constant]) is { } folded
                ? rewriter.Emit(op, type, inner.Operands[0], rewriter.Constant(type, folded))
                : null;
    }

    // division by a power of two: vector units have no division at all
    private static Instruction? Divide(Rewriter rewriter, Op op, IrType type, IrValue a, long constant)
    {
        ulong divisor = ConstantEvaluator.Unsigned(type, constant);
        if (op is not (Op.Div or Op.DivU or Op.Rem or Op.RemU) || !ulong.IsPow2(divisor) || (constant < 0 && op is Op.Div or Op.Rem))
        {
            return null;
        }

        int shift = (int)ulong.Log2(divisor);
        Instruction Shifted(Op how, IrValue value, int count) => rewriter.Emit(how, type, value, rewriter.Constant(IrType.I32, count));
        bool unsigned = op is Op.DivU or Op.RemU || ValueFacts.IsNonNegative(a);
        if (unsigned)
        {
            return op is Op.Div or Op.DivU ? Shifted(Op.ShrU, a, shift) : rewriter.Emit(Op.And, type, a, rewriter.Constant(type, constant - 1));
        }

        // towards zero: negative numbers are raised by divisor - 1 first
        Instruction sign = Shifted(Op.Shr, a, type.ScalarBits - 1);
        Instruction raised = rewriter.Emit(Op.Add, type, a, Shifted(Op.ShrU, sign, type.ScalarBits - shift));
        return op == Op.Div
            ? Shifted(Op.Shr, raised, shift)
            : rewriter.Emit(Op.Sub, type, a, rewriter.Emit(Op.And, type, raised, rewriter.Constant(type, -constant)));
    }

    private static IrValue? Float(Rewriter rewriter, Instruction instruction)
    {
        IrType type = instruction.Type;
        if (instruction.Op == Op.Mul && ConstantEvaluator.IsConstant(instruction.Operands[0], out long left)
            && ConstantEvaluator.Number(type, left) == 1)
        {
            return instruction.Operands[1];
        }

        if (!ConstantEvaluator.IsConstant(instruction.Operands[1], out long bits))
        {
            return null;
        }

        IrValue a = instruction.Operands[0];
        double constant = ConstantEvaluator.Number(type, bits);
        bool negativeZero = constant == 0 && double.IsNegative(constant);
        return instruction.Op switch
        {
            Op.Mul or Op.Div when constant == 1 => a,
            Op.Add when negativeZero => a,
            Op.Sub when constant == 0 && !negativeZero => a,
            Op.Div when Reciprocal(type, constant) is { } reciprocal => rewriter.Emit(Op.Mul, type, a, rewriter.Constant(type, reciprocal)),
            _ => null,
        };
    }

    // one over a power of two is exact, and so both ways round the same real number
    private static long? Reciprocal(IrType type, double constant)
    {
        bool isPowerOfTwo = (BitConverter.DoubleToInt64Bits(constant) & ((1L << 52) - 1)) == 0 && double.IsNormal(constant);
        int limit = type == IrType.F32 ? 126 : 1022;
        if (!isPowerOfTwo || Math.Abs(Math.ILogB(constant)) > limit)
        {
            return null;
        }

        return type == IrType.F32 ? BitConverter.SingleToInt32Bits((float)(1 / constant)) : BitConverter.DoubleToInt64Bits(1 / constant);
    }

    private static IrValue? Select(Rewriter rewriter, Instruction instruction)
    {
        IrValue condition = instruction.Operands[0];
        IrValue ifTrue = instruction.Operands[1];
        IrValue ifFalse = instruction.Operands[2];
        if (ConstantEvaluator.IsConstant(condition, out long truth))
        {
            return truth != 0 ? ifTrue : ifFalse;
        }

        if (ifTrue == ifFalse)
        {
            return ifTrue;
        }

        if (condition is Instruction { Op: Op.Not } not)
        {
            return rewriter.Emit(Op.Select, instruction.Type, not.Operands[0], ifFalse, ifTrue);
        }

        if (!ConstantEvaluator.IsConstant(ifTrue, out long one) || !ConstantEvaluator.IsConstant(ifFalse, out long other))
        {
            return null;
        }

        IrType type = instruction.Type;
        return (type.IsInteger, type.Kind, one, other) switch
        {
            (_, IrKind.I1, 1, 0) => condition,
            (_, IrKind.I1, 0, 1) => rewriter.Emit(Op.Not, IrType.I1, condition),
            (true, _, 1, 0) => rewriter.Emit(Op.ZeroExtend, type, condition),
            (true, _, 0, 1) => rewriter.Emit(Op.ZeroExtend, type, rewriter.Emit(Op.Not, IrType.I1, condition)),
            _ when one == other => ifTrue,
            _ => null,
        };
    }

    private static IrValue? Complement(Rewriter rewriter, Instruction instruction)
    {
        if (instruction.Operands[0] is not Instruction inner)
        {
            return null;
        }

        if (inner.Op == Op.Not)
        {
            return inner.Operands[0];
        }

        // the opposite of a float comparison is true where one is NaN: what the U forms of floats are for
        Op? opposite = inner.Op switch
        {
            Op.Eq => Op.Ne,
            Op.Ne => Op.Eq,
            Op.Lt => inner.Operands[0].Type.IsFloat ? Op.LeU : Op.Le,
            Op.Le => inner.Operands[0].Type.IsFloat ? Op.LtU : Op.Lt,
            Op.LtU => inner.Operands[0].Type.IsFloat ? Op.Le : Op.LeU,
            Op.LeU => inner.Operands[0].Type.IsFloat ? Op.Lt : Op.LtU,
            _ => null,
        };
        return opposite switch
        {
            null => null,
            Op.Eq or Op.Ne => rewriter.Emit(opposite.Value, IrType.I1, inner.Operands[0], inner.Operands[1]),
            _ => rewriter.Emit(opposite.Value, IrType.I1, inner.Operands[1], inner.Operands[0]),
        };
    }

    private static IrValue? Compare(Rewriter rewriter, Instruction instruction)
    {
        IrValue a = instruction.Operands[0];
        IrValue b = instruction.Operands[1];
        if (instruction.Op is Op.Eq or Op.Ne && ConstantEvaluator.IsConstant(a, out _))
        {
            (a, b) = (b, a);
            instruction.Operands = [a, b];
        }

        if (a == b && !a.Type.IsFloat)
        {
            return rewriter.Constant(IrType.I1, instruction.Op is Op.Eq or Op.Le or Op.LeU ? 1 : 0);
        }

        if (instruction.Op == Op.LtU && a.Type.IsInteger && IsValue(b, 0))
        {
            return rewriter.Constant(IrType.I1, 0);
        }

        // 0 < x unsigned is how C# compilers write x != 0
        if (instruction.Op == Op.LtU && a.Type.IsInteger && IsValue(a, 0))
        {
            return rewriter.Emit(Op.Ne, IrType.I1, b, a);
        }

        if (instruction.Op is not (Op.Eq or Op.Ne) || !ConstantEvaluator.IsConstant(b, out long constant))
        {
            return null;
        }

        // IL has no truth values: they come as integers that are compared with 0 and 1
        IrValue? truth = a.Type == IrType.I1 ? a
            : a is Instruction { Op: Op.ZeroExtend } wide && wide.Operands[0].Type == IrType.I1 ? wide.Operands[0]
            : null;
        return truth is null || constant is not (0 or 1) ? null
            : (constant == 1) == (instruction.Op == Op.Eq) ? truth
            : rewriter.Emit(Op.Not, IrType.I1, truth);
    }

    private static IrValue? Convert(Rewriter rewriter, Instruction instruction)
    {
        IrType type = instruction.Type;
        if (instruction.Operands[0].Type == type)
        {
            return instruction.Operands[0];
        }

        if (instruction.Operands[0] is not Instruction inner)
        {
            return null;
        }

        IrValue Again(Op op) => inner.Operands[0].Type == type ? inner.Operands[0] : rewriter.Emit(op, type, inner.Operands[0]);
        switch (instruction.Op, inner.Op)
        {
            case (Op.Bitcast, Op.Bitcast):
                return Again(Op.Bitcast);
            case (Op.SignExtend, Op.SignExtend):
                return Again(Op.SignExtend);
            case (Op.ZeroExtend or Op.SignExtend, Op.ZeroExtend):
                return Again(Op.ZeroExtend);
            case (Op.Truncation, Op.Truncation):
                return Again(Op.Truncation);
            case (Op.Truncation, Op.SignExtend or Op.ZeroExtend):
                int bits = inner.Operands[0].Type.ScalarBits;
                return type.ScalarBits < bits ? Again(Op.Truncation) : Again(inner.Op);
            default:
                return null;
        }
    }

    private static bool IsCommutative(Op op) =>
        op is Op.Add or Op.Mul or Op.And or Op.Or or Op.Xor or Op.Min or Op.MinU or Op.Max or Op.MaxU;

    private static bool IsAllOnes(IrType type, long constant) => constant == ConstantEvaluator.Canonical(type, -1);

    private static bool IsValue(IrValue value, long constant) => ConstantEvaluator.IsConstant(value, out long found) && found == constant;
}
