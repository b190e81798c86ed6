using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Computes operations on constants as every accelerator does: wrapping, shift counts modulo the width, saturating conversions.
/// Constants are held sign-extended to 64 bits, truth values as 0 or 1, floats as their bits.
/// </summary>
internal static class ConstantEvaluator
{
    /// <summary>The value in the form in which constants are compared.</summary>
    public static long Canonical(IrType type, long value) => type.Kind switch
    {
        IrKind.I1 => value & 1,
        IrKind.I8 => (sbyte)value,
        IrKind.I16 => (short)value,
        IrKind.I32 or IrKind.F32 => (int)value,
        _ => value,
    };

    /// <summary>Whether a value is a constant, and which.</summary>
    public static bool IsConstant(IrValue value, out long constant)
    {
        if (value is Instruction { Op: Op.Constant } instruction)
        {
            constant = Canonical(instruction.Type, instruction.Immediate);
            return true;
        }

        constant = 0;
        return false;
    }

    /// <summary>
    /// The result of an operation on constants, or null where it is left to the accelerator: what is undefined, what accelerators
    /// approximate each in its own way, and NaN, whose bits they do not agree on.
    /// </summary>
    /// <param name="op">The operation.</param>
    /// <param name="type">Type of the result.</param>
    /// <param name="operandType">Type of the first operand that is not a condition.</param>
    /// <param name="x">The operands.</param>
    public static long? Evaluate(Op op, IrType type, IrType operandType, ReadOnlySpan<long> x)
    {
        if (type.Width != 1 || operandType.Width != 1 || operandType.IsPointer || type.IsPointer || x.Length == 0)
        {
            return null;
        }

        long? result = op switch
        {
            Op.Select => x[0] != 0 ? x[1] : x[2],
            Op.Truncation or Op.SignExtend => x[0],
            Op.ZeroExtend => (long)Unsigned(operandType, x[0]),
            Op.IntToFloat => type == IrType.F32 ? Bits((float)x[0]) : Bits((double)x[0]),
            Op.UnsignedToFloat => type == IrType.F32
                ? Bits(ToSingle(Unsigned(operandType, x[0])))
                : Bits(ToDouble(Unsigned(operandType, x[0]))),
            Op.FloatToInt => ToSigned(Number(operandType, x[0]), type.ScalarBits),
            Op.FloatToUnsigned => ToUnsigned(Number(operandType, x[0]), type.ScalarBits),
            Op.FloatToFloat => Number(operandType, x[0]) is var number && type == IrType.F32 ? Bits((float)number) : Bits(number),
            Op.Bitcast => type.Kind == IrKind.Pointer || operandType.Kind == IrKind.Pointer ? null : x[0],
            Op.HalfToFloat => Bits((float)BitConverter.Int16BitsToHalf((short)x[0])),
            Op.FloatToHalf => BitConverter.HalfToInt16Bits((System.Half)Single(x[0])),
            Op.BFloat16ToFloat => x[0] << 16,
            Op.FloatToBFloat16 => float.IsNaN(Single(x[0])) ? null : RoundToBFloat16(x[0]),
            _ when operandType == IrType.F32 => Float(op, Single(x[0]), x.Length > 1 ? Single(x[1]) : 0, x.Length > 2 ? Single(x[2]) : 0),
            _ when operandType == IrType.F64 => Float(op, Double(x[0]), x.Length > 1 ? Double(x[1]) : 0, x.Length > 2 ? Double(x[2]) : 0),
            _ => Integer(op, operandType, x[0], x.Length > 1 ? x[1] : 0),
        };
        if (result is not { } bits)
        {
            return null;
        }

        bits = Canonical(type, bits);
        bool isNotANumber = type.IsFloat && double.IsNaN(Number(type, bits));
        return isNotANumber && op is not (Op.Bitcast or Op.Select) ? null : bits;
    }

    /// <summary>The number without sign that the low bits of a constant are.</summary>
    public static ulong Unsigned(IrType type, long value) =>
        type.ScalarBits == 64 ? (ulong)value : (ulong)value & ((1ul << type.ScalarBits) - 1);

    /// <summary>The float that a constant's bits are.</summary>
    public static double Number(IrType type, long bits) => type == IrType.F32 ? Single(bits) : Double(bits);

    private static long? Integer(Op op, IrType type, long a, long b)
    {
        ulong unsignedA = Unsigned(type, a);
        ulong unsignedB = Unsigned(type, b);
        int shift = (int)b & (type.ScalarBits - 1);
        return op switch
        {
            Op.Add => a + b,
            Op.Sub => a - b,
            Op.Mul => a * b,
            Op.Div => b == 0 || (b == -1 && a == long.MinValue >> (64 - type.ScalarBits)) ? null : a / b,
            Op.DivU => b == 0 ? null : (long)(unsignedA / unsignedB),
            Op.Rem => b == 0 || b == -1 ? null : a % b,
            Op.RemU => b == 0 ? null : (long)(unsignedA % unsignedB),
            Op.And => a & b,
            Op.Or => a | b,
            Op.Xor => a ^ b,
            Op.Shl => a << shift,
            Op.Shr => a >> shift,
            Op.ShrU => (long)(unsignedA >> shift),
            Op.Min => Math.Min(a, b),
            Op.MinU => unsignedA < unsignedB ? a : b,
            Op.Max => Math.Max(a, b),
            Op.MaxU => unsignedA > unsignedB ? a : b,
            Op.Neg => -a,
            Op.Not => ~a,
            Op.Abs => a < 0 ? -a : a,
            Op.Eq => Truth(a == b),
            Op.Ne => Truth(a != b),
            Op.Lt => Truth(a < b),
            Op.Le => Truth(a <= b),
            Op.LtU => Truth(unsignedA < unsignedB),
            Op.LeU => Truth(unsignedA <= unsignedB),
            _ => null,
        };
    }

    private static long? Float(Op op, float a, float b, float c) => op switch
    {
        Op.Add => Bits(a + b),
        Op.Sub => Bits(a - b),
        Op.Mul => Bits(a * b),
        Op.Div => Bits(a / b),
        Op.Rem => Bits(a % b),
        Op.Min => Bits(MathF.Min(a, b)),
        Op.Max => Bits(MathF.Max(a, b)),
        Op.Neg => Bits(-a),
        Op.Abs => Bits(MathF.Abs(a)),
        Op.Fma => Bits(MathF.FusedMultiplyAdd(a, b, c)),
        Op.Sqrt => Bits(MathF.Sqrt(a)),
        Op.Floor => Bits(MathF.Floor(a)),
        Op.Ceiling => Bits(MathF.Ceiling(a)),
        Op.RoundEven => Bits(MathF.Round(a, MidpointRounding.ToEven)),
        Op.Truncate => Bits(MathF.Truncate(a)),
        _ => Comparison(op, a, b),
    };

    private static long? Float(Op op, double a, double b, double c) => op switch
    {
        Op.Add => Bits(a + b),
        Op.Sub => Bits(a - b),
        Op.Mul => Bits(a * b),
        Op.Div => Bits(a / b),
        Op.Rem => Bits(a % b),
        Op.Min => Bits(Math.Min(a, b)),
        Op.Max => Bits(Math.Max(a, b)),
        Op.Neg => Bits(-a),
        Op.Abs => Bits(Math.Abs(a)),
        Op.Fma => Bits(Math.FusedMultiplyAdd(a, b, c)),
        Op.Sqrt => Bits(Math.Sqrt(a)),
        Op.Floor => Bits(Math.Floor(a)),
        Op.Ceiling => Bits(Math.Ceiling(a)),
        Op.RoundEven => Bits(Math.Round(a, MidpointRounding.ToEven)),
        Op.Truncate => Bits(Math.Truncate(a)),
        _ => Comparison(op, a, b),
    };

    private static long? Comparison(Op op, double a, double b) => op switch
    {
        Op.Eq => Truth(a == b),
        Op.Ne => Truth(a != b),
        Op.Lt => Truth(a < b),
        Op.Le => Truth(a <= b),
        Op.LtU => Truth(!(a >= b)),
        Op.LeU => Truth(!(a > b)),
        _ => null,
    };

    private static long Truth(bool value) => value ? 1 : 0;

    private static float Single(long bits) => BitConverter.Int32BitsToSingle((int)bits);

    private static double Double(long bits) => BitConverter.Int64BitsToDouble(bits);

    private static long Bits(float value) => BitConverter.SingleToInt32Bits(value);

    private static long Bits(double value) => BitConverter.DoubleToInt64Bits(value);

    // above the signed range the number is halved, and its lowest bit kept as what rounding has to know of the rest
    private static float ToSingle(ulong value) => (long)value >= 0 ? (long)value : (float)(long)((value >> 1) | (value & 1)) * 2;

    private static double ToDouble(ulong value) => (long)value >= 0 ? (long)value : (double)(long)((value >> 1) | (value & 1)) * 2;

    private static long ToSigned(double value, int bits)
    {
        long most = long.MaxValue >> (64 - bits);
        double limit = Math.ScaleB(1, bits - 1);
        return double.IsNaN(value) ? 0 : value >= limit ? most : value < -limit ? -most - 1 : (long)value;
    }

    private static long ToUnsigned(double value, int bits)
    {
        double limit = Math.ScaleB(1, bits);
        return double.IsNaN(value) || value <= 0 ? 0 : value >= limit ? -1 : (long)(ulong)value;
    }

    private static long RoundToBFloat16(long bits)
    {
        uint value = (uint)bits;
        return (value + 0x7FFF + ((value >> 16) & 1)) >> 16;
    }
}
