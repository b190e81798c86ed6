using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>
/// Integer arithmetic on constants while a kernel is read: extents of shared memory and conditions on generic parameters are
/// constants in the source, and what they rule out must not be compiled. Floats are left to the passes.
/// </summary>
internal static class ConstantFolder
{
    /// <summary>The value as the type holds it: sign-extended to 64 bits.</summary>
    public static long Wrap(IrType type, long value) => type.ScalarBits switch
    {
        1 => value & 1,
        8 => (sbyte)value,
        16 => (short)value,
        32 => (int)value,
        _ => value,
    };

    /// <summary>The result of an operation on two integers of a type, or null where there is none.</summary>
    public static long? Binary(Op op, IrType type, long first, long second)
    {
        ulong firstBits = Unsigned(type, first);
        ulong secondBits = Unsigned(type, second);
        int count = (int)second & (type.ScalarBits - 1);
        long? result = op switch
        {
            Op.Add => first + second,
            Op.Sub => first - second,
            Op.Mul => first * second,
            Op.Div when second is not (0 or -1) => first / second,
            Op.Rem when second is not (0 or -1) => first % second,
            Op.DivU when second != 0 => (long)(firstBits / secondBits),
            Op.RemU when second != 0 => (long)(firstBits % secondBits),
            Op.And => first & second,
            Op.Or => first | second,
            Op.Xor => first ^ second,
            Op.Shl => first << count,
            Op.Shr => first >> count,
            Op.ShrU => (long)(firstBits >> count),
            Op.Min => Math.Min(first, second),
            Op.Max => Math.Max(first, second),
            Op.MinU => firstBits < secondBits ? first : second,
            Op.MaxU => firstBits > secondBits ? first : second,
            Op.Eq => first == second ? 1 : 0,
            Op.Ne => first != second ? 1 : 0,
            Op.Lt => first < second ? 1 : 0,
            Op.Le => first <= second ? 1 : 0,
            Op.LtU => firstBits < secondBits ? 1 : 0,
            Op.LeU => firstBits <= secondBits ? 1 : 0,
            _ => null,
        };
        return result is { } value ? Wrap(type, value) : null;
    }

    /// <summary>The result of an operation on one integer, or null where there is none.</summary>
    public static long? Unary(Op op, IrType from, IrType to, long value) => op switch
    {
        Op.Neg => Wrap(to, -value),
        Op.Not => Wrap(to, ~value),
        Op.SignExtend or Op.Truncation => Wrap(to, value),
        Op.ZeroExtend => Wrap(to, (long)Unsigned(from, value)),
        _ => null,
    };

    /// <summary>Whether an operation with a constant on its right leaves its left side as it is.</summary>
    public static bool IsNeutral(Op op, long right) => op switch
    {
        Op.Add or Op.Sub or Op.Or or Op.Xor or Op.Shl or Op.Shr or Op.ShrU => right == 0,
        Op.Mul or Op.Div or Op.DivU => right == 1,
        Op.And => right == -1,
        _ => false,
    };

    private static ulong Unsigned(IrType type, long value) => type.ScalarBits switch
    {
        1 => (ulong)value & 1,
        8 => (byte)value,
        16 => (ushort)value,
        32 => (uint)value,
        _ => (ulong)value,
    };
}
