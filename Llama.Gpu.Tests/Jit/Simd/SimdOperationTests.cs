using System.Runtime.InteropServices;
using Llama.Gpu.Jit.Ir;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>
/// Every operation at every type on vectors of every width against the interpreter: edge values and random ones, each operand
/// varying or the same in all lanes, groups with whole vectors and with a part of one.
/// </summary>
public sealed class SimdOperationTests
{
    private const int Lanes = 345;

    private static readonly IrType[] Integers = [IrType.I8, IrType.I16, IrType.I32, IrType.I64];
    private static readonly IrType[] Floats = [IrType.F32, IrType.F64];

    private static IEnumerable<TestCaseData> Operations()
    {
        Op[] both = [Op.Add, Op.Sub, Op.Mul, Op.Min, Op.Max, Op.Eq, Op.Ne, Op.Lt, Op.Le, Op.LtU, Op.LeU, Op.Select];
        Op[] integer = [Op.Div, Op.DivU, Op.Rem, Op.RemU, Op.And, Op.Or, Op.Xor, Op.Shl, Op.Shr, Op.ShrU, Op.MinU, Op.MaxU, Op.Neg, Op.Not, Op.Abs];
        Op[] floating =
        [
            Op.Div, Op.Rem, Op.Neg, Op.Abs, Op.Fma, Op.Sqrt, Op.Rsqrt, Op.Exp, Op.Exp2, Op.Log, Op.Log2, Op.Sin, Op.Cos, Op.Tanh,
            Op.Floor, Op.Ceiling, Op.RoundEven, Op.Truncate, Op.Pow,
        ];
        Op[] truth = [Op.And, Op.Or, Op.Xor, Op.Not, Op.Eq, Op.Ne, Op.Select];
        var operations =
            (from op in both.Concat(integer) from type in Integers select (op, type, type))
            .Concat(from op in both.Concat(floating) from type in Floats select (op, type, type))
            .Concat([(Op.Exp2Approximate, IrType.F32, IrType.F32)])
            .Concat(from op in truth select (op, IrType.I1, IrType.I1))
            .Concat(Conversions());
        return from operation in operations
               from bits in SimdAccelerators.Widths
               select new TestCaseData(bits, operation.Item1, operation.Item2, operation.Item3)
                   .SetArgDisplayNames($"{bits}", $"{operation.Item1}", $"{operation.Item2}", $"{operation.Item3}");
    }

    [TestCaseSource(nameof(Operations))]
    public void Operation_agrees_with_the_interpreter(int bits, object op, object from, object to)
    {
        IrFunction function = Function((Op)op, (IrType)from, (IrType)to);
        byte[] buffer = Buffer((IrType)from, function.Name);
        byte[] expected = SimdRun.Interpret(function, Lanes, buffer);
        byte[] found = SimdRun.Run(bits, function, (1, Lanes), buffer);
        for (int offset = 0; offset < expected.Length; offset += 8)
        {
            long want = BitConverter.ToInt64(expected, offset);
            long have = BitConverter.ToInt64(found, offset);
            if (want != have && !IsNear((Op)op, (IrType)to, want, have))
            {
                int slot = (offset / 8) - (3 * Lanes);
                Assert.Fail($"result {slot % 4} of lane {slot / 4}: expected {want:X}, found {have:X}");
            }
        }
    }

    private static IEnumerable<(Op Op, IrType From, IrType To)> Conversions()
    {
        foreach (IrType from in Integers)
        {
            foreach (IrType to in Integers)
            {
                if (to.ScalarBits < from.ScalarBits)
                {
                    yield return (Op.Truncation, from, to);
                }
                else if (to.ScalarBits > from.ScalarBits)
                {
                    yield return (Op.SignExtend, from, to);
                    yield return (Op.ZeroExtend, from, to);
                }
            }

            yield return (Op.Truncation, from, IrType.I1);
            yield return (Op.ZeroExtend, IrType.I1, from);
            foreach (IrType floating in Floats)
            {
                yield return (Op.IntToFloat, from, floating);
                yield return (Op.UnsignedToFloat, from, floating);
                yield return (Op.FloatToInt, floating, from);
                yield return (Op.FloatToUnsigned, floating, from);
            }
        }

        yield return (Op.FloatToFloat, IrType.F32, IrType.F64);
        yield return (Op.FloatToFloat, IrType.F64, IrType.F32);
        yield return (Op.Bitcast, IrType.F32, IrType.I32);
        yield return (Op.Bitcast, IrType.I32, IrType.F32);
        yield return (Op.Bitcast, IrType.F64, IrType.I64);
        yield return (Op.Bitcast, IrType.I64, IrType.F64);
        yield return (Op.HalfToFloat, IrType.I16, IrType.F32);
        yield return (Op.FloatToHalf, IrType.F32, IrType.I16);
        yield return (Op.BFloat16ToFloat, IrType.I16, IrType.F32);
        yield return (Op.FloatToBFloat16, IrType.F32, IrType.I16);
    }

    // Each lane has three operands of 8 bytes and room for four results: of its own operands, with the first or the others taken
    // from lane 0, where they are the same for all, and with all of them taken from there.
    private static IrFunction Function(Op op, IrType from, IrType to)
    {
        bool compares = op is Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU;
        var builder = new IrBuilder($"{op}{from}{to}");
        IrValue buffer = builder.Pointer("buffer");
        IrValue lane = builder.BuiltIn(BuiltIn.LaneX);
        IrValue[] own = [.. Enumerable.Range(0, 3).Select(k => Load(builder, buffer, from, Place(builder, lane, 3, k)))];
        IrValue[] common = [.. Enumerable.Range(0, 3).Select(k => Load(builder, buffer, from, builder.Constant(IrType.I32, k)))];
        IrValue[][] cases = [own, [common[0], own[1], own[2]], [own[0], common[1], common[2]], common];
        for (int i = 0; i < cases.Length; i++)
        {
            IrValue result = Apply(builder, op, compares ? IrType.I1 : to, cases[i]);
            IrValue place = builder.Add(Op.Add, IrType.I32, Place(builder, lane, 4, i), builder.Constant(IrType.I32, 3 * Lanes));
            IrValue address = builder.Element(buffer, IrType.I64, place);
            builder.Store(address, result.Type == IrType.I1 ? builder.Add(Op.ZeroExtend, IrType.I8, result) : result);
        }

        return builder.Return();
    }

    private static IrValue Apply(IrBuilder builder, Op op, IrType type, IrValue[] operands)
    {
        IrType from = operands[0].Type;
        switch (op)
        {
            case Op.Select:
                IrValue zero = from == IrType.I1 ? operands[2] : builder.Add(Op.Eq, IrType.I1, operands[0], operands[2]);
                return builder.Add(op, type, zero, operands[0], operands[1]);
            case Op.Fma:
                return builder.Add(op, type, operands);
            case Op.Shl or Op.Shr or Op.ShrU:
                IrValue count = from.ScalarBits switch
                {
                    32 => operands[1],
                    64 => builder.Add(Op.Truncation, IrType.I32, operands[1]),
                    _ => builder.Add(Op.SignExtend, IrType.I32, operands[1]),
                };
                return builder.Add(op, type, operands[0], count);
            case Op.Div or Op.DivU or Op.Rem or Op.RemU when from.IsInteger:
                // neither 0 nor -1: what is undefined is not compared
                IrValue below = builder.Add(Op.LeU, IrType.I1, builder.Add(Op.Add, from, operands[1], builder.Constant(from, 1)), builder.Constant(from, 1));
                return builder.Add(op, type, operands[0], builder.Add(Op.Select, from, below, builder.Constant(from, 3), operands[1]));
            case Op.Add or Op.Sub or Op.Mul or Op.Div or Op.Rem or Op.And or Op.Or or Op.Xor or Op.Min or Op.Max or Op.MinU or Op.MaxU
                or Op.Pow or Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU:
                return builder.Add(op, type, operands[0], operands[1]);
            default:
                return builder.Add(op, type, operands[0]);
        }
    }

    private static IrValue Place(IrBuilder builder, IrValue lane, int each, int offset) => builder.Add(
        Op.Add, IrType.I32, builder.Add(Op.Mul, IrType.I32, lane, builder.Constant(IrType.I32, each)), builder.Constant(IrType.I32, offset));

    private static IrValue Load(IrBuilder builder, IrValue buffer, IrType type, IrValue place)
    {
        IrValue address = builder.Element(buffer, IrType.I64, place);
        return type == IrType.I1
            ? builder.Add(Op.Truncation, IrType.I1, builder.Load(address, IrType.I8))
            : builder.Load(address, type);
    }

    private static byte[] Buffer(IrType type, string name)
    {
        var random = new Random(name.Length);
        var buffer = new byte[Lanes * 7 * 8];
        Span<long> slots = MemoryMarshal.Cast<byte, long>(buffer.AsSpan());
        for (int i = 0; i < 3 * Lanes; i++)
        {
            slots[i] = type.IsFloat ? FloatBits(type, random, i) : IntegerBits(type, random, i);
        }

        return buffer;
    }

    private static long IntegerBits(IrType type, Random random, int index)
    {
        long least = long.MinValue >> (64 - Math.Max(type.ScalarBits, 2));
        long[] edges = [0, 1, -1, 2, -2, 7, 31, 32, 63, 64, least, least + 1, -least - 1, -least - 2, least / 2, 100];
        return random.Next(2) == 0 ? edges[random.Next(edges.Length)] : random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64);
    }

    private static long FloatBits(IrType type, Random random, int index)
    {
        double[] edges =
        [
            0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, double.NaN, double.PositiveInfinity, double.NegativeInfinity,
            1e-40, -1e-40, 2147483647, -2147483648, 2147483648, 4294967295, 4294967296, 9.2e18, 1.9e19, -9.3e18, 3.4e38, 300, -129, 65535, 88.7, -103,
        ];
        double value = random.Next(2) == 0
            ? edges[random.Next(edges.Length)]
            : (random.NextDouble() - 0.5) * Math.ScaleB(1, random.Next(-30, 40));
        return type == IrType.F32 ? (uint)BitConverter.SingleToInt32Bits((float)value) : BitConverter.DoubleToInt64Bits(value);
    }

    // functions that are not exact, and NaN, whose bits say nothing
    private static bool IsNear(Op op, IrType type, long expected, long found)
    {
        if (!type.IsFloat || op is Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU)
        {
            return false;
        }

        double want = type == IrType.F32 ? BitConverter.Int32BitsToSingle((int)expected) : BitConverter.Int64BitsToDouble(expected);
        double have = type == IrType.F32 ? BitConverter.Int32BitsToSingle((int)found) : BitConverter.Int64BitsToDouble(found);
        bool rounds = op is Op.Exp or Op.Exp2 or Op.Exp2Approximate or Op.Log or Op.Log2 or Op.Sin or Op.Cos or Op.Tanh or Op.Pow;
        double size = Math.Abs(want);
        double unit = (type == IrType.F32 ? MathF.BitIncrement((float)size) : Math.BitIncrement(size)) - size;
        return (double.IsNaN(want) && double.IsNaN(have)) || (rounds && Math.Abs(want - have) <= 2 * unit);
    }
}
