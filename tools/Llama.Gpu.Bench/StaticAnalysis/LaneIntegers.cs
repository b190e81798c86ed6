using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>Operations of the IR on integers, truth values and addresses; a float counts as 0.</summary>
internal static class LaneIntegers
{
    /// <summary>
    /// The value of an instruction. One that is not an integer's is 0; a truth value that is not computed from integers or floats, such as
    /// whether something that is waited for has come, is true.
    /// </summary>
    public static long Compute(Instruction instruction, long a, long b, long c)
    {
        IrType type = instruction.Type;
        IrType from = instruction.Operands.Length > 0 ? instruction.Operands[0].Type : type;
        switch (instruction.Op)
        {
            case Op.Constant when !type.IsFloat:
                return Wrap(type, instruction.Immediate);
            case Op.Select:
                return a != 0 ? b : c;
            case Op.Offset:
                return a + b;
            case Op.Truncation or Op.SignExtend or Op.Bitcast:
                return Wrap(type, a);
            case Op.ZeroExtend:
                return Wrap(type, Unsigned(from, a));
            case Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU:
                return Compare(instruction.Op, from, a, b) ? 1 : 0;
            case Op.Load or Op.Extract:
                return 0;
            default:
                return type.IsInteger || (type == IrType.I1 && from == IrType.I1) ? Wrap(type, Arithmetic(instruction.Op, type, a, b))
                    : type == IrType.I1 ? 1 : 0;
        }
    }

    private static bool Compare(Op op, IrType type, long a, long b) => op switch
    {
        Op.Eq => a == b,
        Op.Ne => a != b,
        Op.Lt => a < b,
        Op.Le => a <= b,
        _ when type.IsFloat => op == Op.LeU,
        Op.LtU => (ulong)Unsigned(type, a) < (ulong)Unsigned(type, b),
        _ => (ulong)Unsigned(type, a) <= (ulong)Unsigned(type, b),
    };

    private static long Arithmetic(Op op, IrType type, long a, long b)
    {
        int shift = (int)(b & (Math.Max(type.ScalarBits, 1) - 1));
        return op switch
        {
            Op.Add => a + b,
            Op.Sub => a - b,
            Op.Mul => a * b,
            Op.Div => b == 0 ? 0 : a / b,
            Op.DivU => b == 0 ? 0 : (long)((ulong)Unsigned(type, a) / (ulong)Unsigned(type, b)),
            Op.Rem => b == 0 ? 0 : a % b,
            Op.RemU => b == 0 ? 0 : (long)((ulong)Unsigned(type, a) % (ulong)Unsigned(type, b)),
            Op.And => a & b,
            Op.Or => a | b,
            Op.Xor => a ^ b,
            Op.Shl => a << shift,
            Op.Shr => a >> shift,
            Op.ShrU => (long)((ulong)Unsigned(type, a) >> shift),
            Op.Min => Math.Min(a, b),
            Op.Max => Math.Max(a, b),
            Op.MinU => (ulong)Unsigned(type, a) < (ulong)Unsigned(type, b) ? a : b,
            Op.MaxU => (ulong)Unsigned(type, a) > (ulong)Unsigned(type, b) ? a : b,
            Op.Neg => -a,
            Op.Not => type == IrType.I1 ? a ^ 1 : ~a,
            Op.Abs => Math.Abs(a),
            _ => 0,
        };
    }

    // held sign-extended, truth values as 0 or 1
    private static long Wrap(IrType type, long value) => type.Width > 1 ? 0 : type.Kind switch
    {
        IrKind.I1 => value & 1,
        IrKind.I8 => (sbyte)value,
        IrKind.I16 => (short)value,
        IrKind.I32 => (int)value,
        IrKind.I64 or IrKind.Pointer => value,
        _ => 0,
    };

    private static long Unsigned(IrType type, long value) => type.ScalarBits >= 64 ? value : value & ((1L << type.ScalarBits) - 1);
}
