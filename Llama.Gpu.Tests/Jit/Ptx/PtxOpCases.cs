using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>One operation on one type, with what C# makes of the same bits.</summary>
/// <param name="Op">The operation.</param>
/// <param name="Result">Its type.</param>
/// <param name="Operands">Its operands' types.</param>
/// <param name="Expected">Bits of the operands to bits of the result; null where an operand has no defined result.</param>
internal sealed record PtxOpCase(Op Op, IrType Result, IrType[] Operands, Func<ulong[], ulong?> Expected)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Op} {string.Join(" ", Operands)} to {Result}";

    /// <summary>Reads operands from slots of 8 bytes, and writes the result.</summary>
    public IrFunction Build(string name)
    {
        var sketch = new IrSketch(name, IrSketch.Global, IrSketch.Global);
        Emit(sketch, sketch.Parameter(0), sketch.Parameter(1));
        return sketch.Return();
    }

    /// <summary>The operation from one place to another.</summary>
    public void Emit(IrSketch sketch, IrValue input, IrValue output)
    {
        IrValue[] operands = [.. Operands.Select((type, i) => sketch.Load(type, sketch.At(input, 8 * i), 8))];
        sketch.Store(output, sketch.Add(Op, Result, operands), 8);
    }
}

/// <summary>Every operation that computes, on every type it takes.</summary>
internal static class PtxOpCases
{
    private static readonly IrType[] Integers = [IrType.I8, IrType.I16, IrType.I32, IrType.I64];

    public static IReadOnlyList<PtxOpCase> All { get; } = [.. IntegerCases(), .. FloatCases(), .. Conversions()];

    /// <summary>Values that go wrong first, as bits of a type.</summary>
    public static IEnumerable<ulong> Samples(IrType type)
    {
        if (type == IrType.F32)
        {
            return new[] { 0f, -0f, 1f, -1f, 0.5f, 1.5f, 2.5f, -2.5f, 3f, -7f, 255.9f, 300f, -129f, 70000f, 2147483648f, -3e9f, 5e9f, 1e19f, -1e19f, 1e-40f, 3.4e38f,
                float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1.00390625f, 1.01171875f, 65519.9f, 65520f, 6e-8f, MathF.PI }
                .Select(value => (ulong)BitConverter.SingleToUInt32Bits(value));
        }

        if (type == IrType.F64)
        {
            return new[] { 0.0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3, -7, 255.9, 2147483648.0, -3e9, 5e9, 1e19, -1e19, 1e-310, 1e-40, 1.7e308,
                double.PositiveInfinity, double.NegativeInfinity, double.NaN, Math.PI }
                .Select(BitConverter.DoubleToUInt64Bits);
        }

        ulong top = 1UL << (type.ScalarBits - 1);
        return type == IrType.I1
            ? [0, 1]
            : new ulong[] { 0, 1, 2, 3, 5, 7, 15, 31, 33, 100, top - 1, top, top + 1, unchecked(0UL - 1), unchecked(0UL - 2), unchecked(0UL - 7), unchecked(0UL - 100) }
                .Select(value => PtxArithmetic.Low(value, type.ScalarBits));
    }

    private static IEnumerable<PtxOpCase> IntegerCases()
    {
        foreach (IrType type in Integers)
        {
            int bits = type.ScalarBits;
            PtxOpCase Two(Op op, Func<ulong, ulong, ulong?> expected) => new(op, type, [type, type], v => Low(expected(v[0], v[1]), bits));
            PtxOpCase One(Op op, Func<ulong, ulong> expected) => new(op, type, [type], v => Low(expected(v[0]), bits));
            PtxOpCase Test(Op op, Func<ulong, ulong, bool> expected) => new(op, IrType.I1, [type, type], v => expected(v[0], v[1]) ? 1UL : 0);
            PtxOpCase Shift(Op op, Func<ulong, int, ulong> expected) =>
                new(op, type, [type, IrType.I32], v => Low(expected(v[0], (int)v[1] & (bits - 1)), bits));
            long S(ulong value) => Signed(value, bits);
            bool Divides(ulong a, ulong b) => b != 0 && !(S(b) == -1 && S(a) == long.MinValue >> (64 - bits));

            yield return Two(Op.Add, (a, b) => a + b);
            yield return Two(Op.Sub, (a, b) => a - b);
            yield return Two(Op.Mul, (a, b) => a * b);
            yield return Two(Op.Div, (a, b) => Divides(a, b) ? (ulong)(S(a) / S(b)) : null);
            yield return Two(Op.Rem, (a, b) => Divides(a, b) ? (ulong)(S(a) % S(b)) : null);
            yield return Two(Op.DivU, (a, b) => b == 0 ? null : a / b);
            yield return Two(Op.RemU, (a, b) => b == 0 ? null : a % b);
            yield return Two(Op.And, (a, b) => a & b);
            yield return Two(Op.Or, (a, b) => a | b);
            yield return Two(Op.Xor, (a, b) => a ^ b);
            yield return Two(Op.Min, (a, b) => (ulong)Math.Min(S(a), S(b)));
            yield return Two(Op.Max, (a, b) => (ulong)Math.Max(S(a), S(b)));
            yield return Two(Op.MinU, (a, b) => Math.Min(a, b));
            yield return Two(Op.MaxU, (a, b) => Math.Max(a, b));
            yield return Shift(Op.Shl, (a, n) => a << n);
            yield return Shift(Op.Shr, (a, n) => (ulong)(S(a) >> n));
            yield return Shift(Op.ShrU, (a, n) => a >> n);
            yield return One(Op.Neg, a => 0 - a);
            yield return One(Op.Not, a => ~a);
            yield return One(Op.Abs, a => S(a) < 0 ? 0 - a : a);
            yield return Test(Op.Eq, (a, b) => a == b);
            yield return Test(Op.Ne, (a, b) => a != b);
            yield return Test(Op.Lt, (a, b) => S(a) < S(b));
            yield return Test(Op.Le, (a, b) => S(a) <= S(b));
            yield return Test(Op.LtU, (a, b) => a < b);
            yield return Test(Op.LeU, (a, b) => a <= b);
            yield return new(Op.Select, type, [IrType.I1, type, type], v => v[0] != 0 ? v[1] : v[2]);
        }

        PtxOpCase Truth(Op op, Func<ulong, ulong, ulong> expected) => new(op, IrType.I1, [IrType.I1, IrType.I1], v => expected(v[0], v[1]) & 1);
        yield return Truth(Op.And, (a, b) => a & b);
        yield return Truth(Op.Or, (a, b) => a | b);
        yield return Truth(Op.Xor, (a, b) => a ^ b);
        yield return Truth(Op.Eq, (a, b) => ~(a ^ b));
        yield return Truth(Op.Ne, (a, b) => a ^ b);
        yield return new(Op.Not, IrType.I1, [IrType.I1], v => v[0] ^ 1);
        yield return new(Op.Select, IrType.I1, [IrType.I1, IrType.I1, IrType.I1], v => v[0] != 0 ? v[1] : v[2]);
    }

    private static IEnumerable<PtxOpCase> FloatCases() =>
    [
        .. Floats(IrType.F32, (op, count, f) => new(op, IrType.F32, [.. Enumerable.Repeat(IrType.F32, count)], v => Bits((float)f([.. v.Select(Single)]))), MathF.FusedMultiplyAdd),
        .. Floats(IrType.F64, (op, count, f) => new(op, IrType.F64, [.. Enumerable.Repeat(IrType.F64, count)], v => Bits(f([.. v.Select(Wide)]))), null),
    ];

    // one operation of f32 rounded from f64 is the f32 operation itself for +, -, *, /, sqrt; fma and rsqrt are given apart
    private static IEnumerable<PtxOpCase> Floats(
        IrType type, Func<Op, int, Func<double[], double>, PtxOpCase> of, Func<float, float, float, float>? singleFma)
    {
        yield return of(Op.Add, 2, v => v[0] + v[1]);
        yield return of(Op.Sub, 2, v => v[0] - v[1]);
        yield return of(Op.Mul, 2, v => v[0] * v[1]);
        yield return of(Op.Div, 2, v => v[0] / v[1]);
        yield return of(Op.Rem, 2, v => v[0] % v[1]);
        yield return of(Op.Min, 2, v => Math.Min(v[0], v[1]));
        yield return of(Op.Max, 2, v => Math.Max(v[0], v[1]));
        yield return of(Op.Neg, 1, v => -v[0]);
        yield return of(Op.Abs, 1, v => Math.Abs(v[0]));
        yield return of(Op.Sqrt, 1, v => Math.Sqrt(v[0]));
        yield return of(Op.Floor, 1, v => Math.Floor(v[0]));
        yield return of(Op.Ceiling, 1, v => Math.Ceiling(v[0]));
        yield return of(Op.RoundEven, 1, v => Math.Round(v[0], MidpointRounding.ToEven));
        yield return of(Op.Truncate, 1, v => Math.Truncate(v[0]));
        yield return singleFma is null
            ? of(Op.Fma, 3, v => Math.FusedMultiplyAdd(v[0], v[1], v[2]))
            : of(Op.Fma, 3, v => singleFma((float)v[0], (float)v[1], (float)v[2]));
        yield return singleFma is null
            ? of(Op.Rsqrt, 1, v => 1 / Math.Sqrt(v[0]))
            : of(Op.Rsqrt, 1, v => 1 / MathF.Sqrt((float)v[0]));

        PtxOpCase Test(Op op, Func<double, double, bool> expected) => new(op, IrType.I1, [type, type], v =>
            (type == IrType.F32 ? expected(Single(v[0]), Single(v[1])) : expected(Wide(v[0]), Wide(v[1]))) ? 1UL : 0);
        yield return Test(Op.Eq, (a, b) => a == b);
        yield return Test(Op.Ne, (a, b) => a != b);
        yield return Test(Op.Lt, (a, b) => a < b);
        yield return Test(Op.Le, (a, b) => a <= b);
        yield return Test(Op.LtU, (a, b) => !(a >= b));
        yield return Test(Op.LeU, (a, b) => !(a > b));
        yield return new(Op.Select, type, [IrType.I1, type, type], v => v[0] != 0 ? v[1] : v[2]);
    }

    private static IEnumerable<PtxOpCase> Conversions()
    {
        foreach (IrType from in Integers)
        {
            int bits = from.ScalarBits;
            yield return new(Op.Truncation, IrType.I1, [from], v => v[0] & 1);
            yield return new(Op.ZeroExtend, from, [IrType.I1], v => v[0]);
            yield return new(Op.IntToFloat, IrType.F32, [from], v => Bits((float)Signed(v[0], bits)));
            yield return new(Op.IntToFloat, IrType.F64, [from], v => Bits((double)Signed(v[0], bits)));
            yield return new(Op.UnsignedToFloat, IrType.F32, [from], v => Bits((float)v[0]));
            yield return new(Op.UnsignedToFloat, IrType.F64, [from], v => Bits((double)v[0]));
            yield return new(Op.FloatToInt, from, [IrType.F32], v => Saturated(Single(v[0]), bits, signed: true));
            yield return new(Op.FloatToInt, from, [IrType.F64], v => Saturated(Wide(v[0]), bits, signed: true));
            yield return new(Op.FloatToUnsigned, from, [IrType.F32], v => Saturated(Single(v[0]), bits, signed: false));
            yield return new(Op.FloatToUnsigned, from, [IrType.F64], v => Saturated(Wide(v[0]), bits, signed: false));
            foreach (IrType to in Integers.Where(to => to.ScalarBits < bits))
            {
                yield return new(Op.Truncation, to, [from], v => Low(v[0], to.ScalarBits));
            }

            foreach (IrType to in Integers.Where(to => to.ScalarBits > bits))
            {
                yield return new(Op.ZeroExtend, to, [from], v => v[0]);
                yield return new(Op.SignExtend, to, [from], v => Low((ulong)Signed(v[0], bits), to.ScalarBits));
            }
        }

        yield return new(Op.FloatToFloat, IrType.F64, [IrType.F32], v => Bits((double)Single(v[0])));
        yield return new(Op.FloatToFloat, IrType.F32, [IrType.F64], v => Bits((float)Wide(v[0])));
        yield return new(Op.Bitcast, IrType.I32, [IrType.F32], v => v[0]);
        yield return new(Op.Bitcast, IrType.F64, [IrType.I64], v => v[0]);
        yield return new(Op.HalfToFloat, IrType.F32, [IrType.I16], v => Bits((float)BitConverter.UInt16BitsToHalf((ushort)v[0])));
        yield return new(Op.BFloat16ToFloat, IrType.F32, [IrType.I16], v => v[0] << 16);
        yield return new(Op.FloatToHalf, IrType.I16, [IrType.F32], v => BitConverter.HalfToUInt16Bits((System.Half)Single(v[0])));
        yield return new(Op.FloatToBFloat16, IrType.I16, [IrType.F32], v => ((Llama.Gpu.Jit.BFloat16)Single(v[0])).Bits);
    }

    private static ulong Saturated(double value, int bits, bool signed)
    {
        if (double.IsNaN(value))
        {
            return 0;
        }

        double least = signed ? -Math.ScaleB(1, bits - 1) : 0;
        double beyond = Math.ScaleB(1, signed ? bits - 1 : bits);
        if (value >= beyond)
        {
            return Low(ulong.MaxValue, signed ? bits - 1 : bits);
        }

        return value <= least
            ? signed ? 1UL << (bits - 1) : 0
            : Low(signed ? (ulong)(long)value : (ulong)value, bits);
    }

    private static ulong? Low(ulong? value, int bits) => value is ulong known ? Low(known, bits) : null;

    private static ulong Low(ulong value, int bits) => PtxArithmetic.Low(value, bits);

    private static long Signed(ulong value, int bits) => (long)(value << (64 - bits)) >> (64 - bits);

    private static double Single(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static double Wide(ulong bits) => BitConverter.UInt64BitsToDouble(bits);

    private static ulong Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    private static ulong Bits(double value) => BitConverter.DoubleToUInt64Bits(value);
}
