using System.Globalization;
using System.Numerics;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>The arithmetic of PTX on bits, by NVIDIA's manual: what a type's suffix says is all that decides.</summary>
internal static class PtxArithmetic
{
    public static ulong Low(ulong value, int bits) => bits == 64 ? value : value & ((1UL << bits) - 1);

    public static bool Compare(string name, string type, ulong first, ulong second)
    {
        if (type[0] == 'f')
        {
            double a = Float(type, first);
            double b = Float(type, second);
            bool unordered = double.IsNaN(a) || double.IsNaN(b);
            return name switch
            {
                "nan" => unordered,
                "eq" => a == b, "ne" => !unordered && a != b, "lt" => a < b, "le" => a <= b, "gt" => a > b, "ge" => a >= b,
                "neu" => unordered || a != b, "ltu" => unordered || a < b, "leu" => unordered || a <= b,
                _ => throw new NotSupportedException(name),
            };
        }

        int order = Integer(type, first).CompareTo(Integer(type, second));
        return name switch
        {
            "eq" => order == 0, "ne" => order != 0, "lt" => order < 0, "le" => order <= 0,
            _ => throw new NotSupportedException(name),
        };
    }

    public static ulong Compute(string name, string[] modifiers, ulong[] v)
    {
        string type = modifiers[^1];
        if (name is "mov" or "cvta")
        {
            return v[0];
        }

        if (type[0] == 'f')
        {
            return type == "f32"
                ? BitConverter.SingleToUInt32Bits(Single(name, modifiers, [.. v.Select(bits => BitConverter.UInt32BitsToSingle((uint)bits))]))
                : BitConverter.DoubleToUInt64Bits(Wide(name, modifiers, [.. v.Select(BitConverter.UInt64BitsToDouble)]));
        }

        if (type == "pred")
        {
            return name switch
            {
                "and" => v[0] & v[1], "or" => v[0] | v[1], "xor" => v[0] ^ v[1], "not" => v[0] ^ 1,
                _ => throw new NotSupportedException(name),
            };
        }

        int bits = Bits(type);
        BigInteger a = Integer(type, v[0]);
        BigInteger b = v.Length > 1 ? Integer(name is "shl" or "shr" ? "u32" : type, v[1]) : 0;
        BigInteger result = name switch
        {
            "add" => a + b,
            "sub" => a - b,
            "mul" => a * b,
            "mad" => (a * b) + Integer(type, v[2]),
            "div" => BigInteger.Divide(a, b),
            "rem" => BigInteger.Remainder(a, b),
            "min" => BigInteger.Min(a, b),
            "max" => BigInteger.Max(a, b),
            "and" => a & b,
            "or" => a | b,
            "xor" => a ^ b,
            "not" => ~a,
            "neg" => -a,
            "abs" => BigInteger.Abs(a),
            "shl" => a << (int)BigInteger.Min(b, bits),
            "shr" => a >> (int)BigInteger.Min(b, bits),
            _ => throw new NotSupportedException(name),
        };
        return Low((ulong)(result & ulong.MaxValue), bits);
    }

    public static ulong Convert(string[] modifiers, ulong value)
    {
        string to = modifiers[^2];
        string from = modifiers[^1];
        string rounding = modifiers.Length > 2 ? modifiers[0] : string.Empty;
        bool fromFloat = from[0] == 'f';
        bool toFloat = to[0] is 'f' or 'b';
        if (!fromFloat && !toFloat)
        {
            // the result is extended by its own sign to the register
            return Low((ulong)(Integer(to, (ulong)(Integer(from, value) & ulong.MaxValue)) & ulong.MaxValue), Math.Max(16, Bits(to)));
        }

        if (!fromFloat)
        {
            Assert.That(rounding, Is.EqualTo("rn"), "an integer is rounded to a float");
            BigInteger whole = Integer(from, value);
            bool negative = whole < 0;
            return to == "f32"
                ? BitConverter.SingleToUInt32Bits(negative ? (float)(long)whole : (float)(ulong)whole)
                : BitConverter.DoubleToUInt64Bits(negative ? (long)whole : (double)(ulong)whole);
        }

        double number = Float(from, value);
        if (toFloat)
        {
            double rounded = rounding switch
            {
                "rmi" => Math.Floor(number), "rpi" => Math.Ceiling(number), "rzi" => Math.Truncate(number),
                "rni" => Math.Round(number, MidpointRounding.ToEven), _ => number,
            };
            return to switch
            {
                "f16" => BitConverter.HalfToUInt16Bits((System.Half)(float)rounded),
                "bf16" => ((Llama.Gpu.Jit.BFloat16)(float)rounded).Bits,
                "f32" => BitConverter.SingleToUInt32Bits((float)rounded),
                _ => BitConverter.DoubleToUInt64Bits(rounded),
            };
        }

        Assert.That(rounding, Is.EqualTo("rzi"), "a float is cut to an integer");
        int bits = Bits(to);
        BigInteger least = to[0] == 's' ? -(BigInteger.One << (bits - 1)) : 0;
        BigInteger most = (BigInteger.One << (to[0] == 's' ? bits - 1 : bits)) - 1;
        BigInteger clamped = double.IsNaN(number)
            ? from == "f64" || bits == 64 ? BigInteger.One << (bits - 1) : 0
            : double.IsInfinity(number) ? number > 0 ? most : least
            : BigInteger.Clamp(new BigInteger(Math.Truncate(number)), least, most);
        return Low((ulong)(clamped & ulong.MaxValue), bits);
    }

    private static double Float(string type, ulong bits) => type switch
    {
        "f16" => (double)BitConverter.UInt16BitsToHalf((ushort)bits),
        "f32" => BitConverter.UInt32BitsToSingle((uint)bits),
        _ => BitConverter.UInt64BitsToDouble(bits),
    };

    private static BigInteger Integer(string type, ulong bits)
    {
        ulong low = Low(bits, Bits(type));
        return type[0] == 's' && (low >> (Bits(type) - 1)) != 0 ? low - (BigInteger.One << Bits(type)) : low;
    }

    private static int Bits(string type) => int.Parse(type[1..], CultureInfo.InvariantCulture);

    private static float Single(string name, string[] modifiers, float[] v) => name switch
    {
        "add" when modifiers[0] == "rn" => v[0] + v[1],
        "sub" when modifiers[0] == "rn" => v[0] - v[1],
        "mul" when modifiers[0] == "rn" => v[0] * v[1],
        "div" when modifiers[0] == "rn" => v[0] / v[1],
        "rcp" when modifiers[0] == "rn" => 1 / v[0],
        "sqrt" when modifiers[0] == "rn" => MathF.Sqrt(v[0]),
        "ex2" when modifiers is ["approx", "ftz", ..] => Exp2(v[0]),
        "fma" when modifiers[0] == "rn" => MathF.FusedMultiplyAdd(v[0], v[1], v[2]),
        "min" => modifiers[0] == "NaN" ? MathF.Min(v[0], v[1]) : float.MinNumber(v[0], v[1]),
        "max" => modifiers[0] == "NaN" ? MathF.Max(v[0], v[1]) : float.MaxNumber(v[0], v[1]),
        "neg" => -v[0],
        "abs" => MathF.Abs(v[0]),
        "copysign" => MathF.CopySign(v[1], v[0]),
        _ => throw new NotSupportedException(name),
    };

    // as far from the value as NVIDIA allows (2^-22), now below and now above it; subnormal results are 0
    private static float Exp2(float value)
    {
        double exact = Math.Pow(2, value);
        double found = exact * (1 + (BitConverter.SingleToInt32Bits(value) % 2 == 0 ? Math.ScaleB(1, -22) : -Math.ScaleB(1, -22)));
        return found < Math.ScaleB(1, -126) ? 0 : (float)found;
    }

    private static double Wide(string name, string[] modifiers, double[] v) => name switch
    {
        "add" when modifiers[0] == "rn" => v[0] + v[1],
        "sub" when modifiers[0] == "rn" => v[0] - v[1],
        "mul" when modifiers[0] == "rn" => v[0] * v[1],
        "div" when modifiers[0] == "rn" => v[0] / v[1],
        "rcp" when modifiers[0] == "rn" => 1 / v[0],
        "sqrt" when modifiers[0] == "rn" => Math.Sqrt(v[0]),
        "fma" when modifiers[0] == "rn" => Math.FusedMultiplyAdd(v[0], v[1], v[2]),
        "min" => double.MinNumber(v[0], v[1]),
        "max" => double.MaxNumber(v[0], v[1]),
        "neg" => -v[0],
        "abs" => Math.Abs(v[0]),
        "copysign" => Math.CopySign(v[1], v[0]),
        _ => throw new NotSupportedException(name),
    };
}
