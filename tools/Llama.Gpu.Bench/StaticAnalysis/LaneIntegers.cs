using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>Operations of the IR on integers, truth values and addresses; a float counts as 0.</summary>
internal static class LaneIntegers
{
    /// <summary>
    /// The value of an instruction. One that is not an integer's is 0; a truth value that is not computed from integers or floats, such as
    /// whether something that is waited for has come, is true.
    /// </summary>
    public static long Compute(Instruction instruction, long[] x)
    {
        IrType type = instruction.Type;
        IrType from = instruction.Operands.Length > 0 ? instruction.Operands[0].Type : type;
        switch (instruction.Op)
        {
            case Op.Constant when !type.IsFloat:
                return Wrap(type, instruction.Immediate);
            case Op.Select:
                return x[0] != 0 ? x[1] : x[2];
            case Op.Offset:
                return x[0] + x[1];
            case Op.Truncation or Op.SignExtend or Op.Bitcast:
                return Wrap(type, x[0]);
            case Op.ZeroExtend:
                return Wrap(type, Unsigned(from, x[0]));
            case Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU:
                return Compare(instruction.Op, from, x[0], x[1]) ? 1 : 0;
            case Op.Load or Op.Extract:
                return 0;
            default:
                return type.IsInteger || (type == IrType.I1 && from == IrType.I1) ? Wrap(type, Arithmetic(instruction.Op, type, x))
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

    private static long Arithmetic(Op op, IrType type, long[] x)
    {
        int shift = x.Length > 1 ? (int)(x[1] & (Math.Max(type.ScalarBits, 1) - 1)) : 0;
        return op switch
        {
            Op.Add => x[0] + x[1],
            Op.Sub => x[0] - x[1],
            Op.Mul => x[0] * x[1],
            Op.Div => x[1] == 0 ? 0 : x[0] / x[1],
            Op.DivU => x[1] == 0 ? 0 : (long)((ulong)Unsigned(type, x[0]) / (ulong)Unsigned(type, x[1])),
            Op.Rem => x[1] == 0 ? 0 : x[0] % x[1],
            Op.RemU => x[1] == 0 ? 0 : (long)((ulong)Unsigned(type, x[0]) % (ulong)Unsigned(type, x[1])),
            Op.And => x[0] & x[1],
            Op.Or => x[0] | x[1],
            Op.Xor => x[0] ^ x[1],
            Op.Shl => x[0] << shift,
            Op.Shr => x[0] >> shift,
            Op.ShrU => (long)((ulong)Unsigned(type, x[0]) >> shift),
            Op.Min => Math.Min(x[0], x[1]),
            Op.Max => Math.Max(x[0], x[1]),
            Op.MinU => (ulong)Unsigned(type, x[0]) < (ulong)Unsigned(type, x[1]) ? x[0] : x[1],
            Op.MaxU => (ulong)Unsigned(type, x[0]) > (ulong)Unsigned(type, x[1]) ? x[0] : x[1],
            Op.Neg => -x[0],
            Op.Not => type == IrType.I1 ? x[0] ^ 1 : ~x[0],
            Op.Abs => Math.Abs(x[0]),
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
