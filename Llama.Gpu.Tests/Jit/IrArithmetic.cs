using System.Numerics;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Tests.Jit;

/// <summary>The arithmetic of the IR, by what <c>docs/ir.md</c> and <see cref="Op"/> say, with C#'s own operators on C#'s own types.</summary>
internal static class IrArithmetic
{
    /// <summary>Integers come and go sign-extended, floats as their bits, truth values as 0 and 1.</summary>
    public static long Compute(Op op, IrType from, IrType to, long[] operands)
    {
        long first = operands[0];
        long second = operands.Length > 1 ? operands[1] : 0;
        return op switch
        {
            Op.Truncation or Op.SignExtend => Narrow(to, first),
            Op.ZeroExtend => Narrow(to, (long)Unsigned(from, first)),
            Op.Bitcast => Narrow(to, first),
            Op.IntToFloat => to == IrType.F32 ? Bits((float)first) : Bits((double)first),
            Op.UnsignedToFloat => to == IrType.F32 ? Bits((float)Unsigned(from, first)) : Bits((double)Unsigned(from, first)),
            Op.FloatToInt => ToInteger(Double(from, first), to, signed: true),
            Op.FloatToUnsigned => ToInteger(Double(from, first), to, signed: false),
            Op.FloatToFloat => to == IrType.F32 ? Bits((float)Double(from, first)) : Bits(Double(from, first)),
            Op.HalfToFloat => Bits((float)BitConverter.Int16BitsToHalf((short)first)),
            Op.FloatToHalf => BitConverter.HalfToInt16Bits((System.Half)Single(first)),
            Op.BFloat16ToFloat => (int)first << 16,
            Op.FloatToBFloat16 => (short)((Llama.Gpu.Jit.BFloat16)Single(first)).Bits,
            _ when from == IrType.F32 => Of(op, Single(first), Single(second), operands) is { } single ? Bits(single) : Compare(op, Single(first), Single(second)),
            _ when from == IrType.F64 => Of(op, BitConverter.Int64BitsToDouble(first), BitConverter.Int64BitsToDouble(second), operands) is { } number
                ? Bits(number)
                : Compare(op, BitConverter.Int64BitsToDouble(first), BitConverter.Int64BitsToDouble(second)),
            _ => Narrow(to, Integers(op, from, first, second)),
        };
    }

    private static long Integers(Op op, IrType type, long first, long second)
    {
        ulong left = Unsigned(type, first);
        ulong right = Unsigned(type, second);
        int count = (int)second & (type.ScalarBits - 1);
        return op switch
        {
            Op.Add => first + second,
            Op.Sub => first - second,
            Op.Mul => first * second,
            Op.Div => first / second,
            Op.DivU => (long)(left / right),
            Op.Rem => first % second,
            Op.RemU => (long)(left % right),
            Op.And => first & second,
            Op.Or => first | second,
            Op.Xor => first ^ second,
            Op.Shl => first << count,
            Op.Shr => first >> count,
            Op.ShrU => (long)(left >> count),
            Op.Min => Math.Min(first, second),
            Op.MinU => (long)Math.Min(left, right),
            Op.Max => Math.Max(first, second),
            Op.MaxU => (long)Math.Max(left, right),
            Op.Neg => -first,
            Op.Not => ~first,
            Op.Abs => first < 0 ? -first : first,
            Op.Eq => first == second ? 1 : 0,
            Op.Ne => first != second ? 1 : 0,
            Op.Lt => first < second ? 1 : 0,
            Op.Le => first <= second ? 1 : 0,
            Op.LtU => left < right ? 1 : 0,
            Op.LeU => left <= right ? 1 : 0,
            _ => throw new NotSupportedException($"{op} of integers in the interpreter"),
        };
    }

    // null for what is no float: comparisons
    private static T? Of<T>(Op op, T first, T second, long[] operands)
        where T : struct, IFloatingPointIeee754<T> => op switch
        {
            Op.Add => first + second,
            Op.Sub => first - second,
            Op.Mul => first * second,
            Op.Div => first / second,
            Op.Rem => first % second,
            Op.Min => T.Min(first, second),
            Op.Max => T.Max(first, second),
            Op.Neg => -first,
            Op.Abs => T.Abs(first),
            Op.Fma => T.FusedMultiplyAdd(first, second, typeof(T) == typeof(float) ? T.CreateTruncating(Single(operands[2])) : T.CreateTruncating(BitConverter.Int64BitsToDouble(operands[2]))),
            Op.Sqrt => T.Sqrt(first),
            Op.Rsqrt => T.One / T.Sqrt(first),
            Op.Exp => T.Exp(first),
            Op.Exp2 => T.Pow(T.CreateTruncating(2), first),
            Op.Log => T.Log(first),
            Op.Log2 => T.Log2(first),
            Op.Sin => T.Sin(first),
            Op.Cos => T.Cos(first),
            Op.Tanh => T.Tanh(first),
            Op.Floor => T.Floor(first),
            Op.Ceiling => T.Ceiling(first),
            Op.RoundEven => T.Round(first, MidpointRounding.ToEven),
            Op.Truncate => T.Truncate(first),
            Op.Pow => T.Pow(first, second),
            _ => null,
        };

    private static long Compare<T>(Op op, T first, T second)
        where T : struct, IFloatingPointIeee754<T> => op switch
        {
            Op.Eq => first == second,
            Op.Ne => first != second,
            Op.Lt => first < second,
            Op.Le => first <= second,
            Op.LtU => !(first >= second),
            Op.LeU => !(first > second),
            _ => throw new NotSupportedException($"{op} of floats in the interpreter"),
        } ? 1 : 0;

    private static long ToInteger(double value, IrType to, bool signed)
    {
        int bits = to.ScalarBits;
        double low = signed ? -Math.Pow(2, bits - 1) : 0;
        double high = Math.Pow(2, signed ? bits - 1 : bits);
        long result = double.IsNaN(value) ? 0
            : value <= low ? (signed ? -1L << (bits - 1) : 0)
            : value >= high ? (signed ? (long)((1UL << (bits - 1)) - 1) : -1L)
            : signed ? (long)value : (long)(ulong)value;
        return Narrow(to, result);
    }

    private static long Narrow(IrType type, long value) => type.ScalarBits switch
    {
        1 => value & 1,
        8 => (sbyte)value,
        16 => (short)value,
        32 => (int)value,
        _ => value,
    };

    private static ulong Unsigned(IrType type, long value) =>
        type.ScalarBits == 64 ? (ulong)value : (ulong)value & ((1UL << type.ScalarBits) - 1);

    private static double Double(IrType type, long bits) => type == IrType.F32 ? Single(bits) : BitConverter.Int64BitsToDouble(bits);

    private static float Single(long bits) => BitConverter.Int32BitsToSingle((int)bits);

    private static long Bits(float value) => BitConverter.SingleToInt32Bits(value);

    private static long Bits(double value) => BitConverter.DoubleToInt64Bits(value);
}
