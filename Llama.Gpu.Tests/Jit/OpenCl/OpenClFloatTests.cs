using System.Numerics;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Ir;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>Operations of floats against C#'s: those that IEEE 754 defines bit for bit, the functions within OpenCL's bounds.</summary>
public sealed class OpenClFloatTests
{
    private const int Count = 1024;

    [Test]
    public void Arithmetic_of_f32_is_exact() => ArithmeticIsExact<float>(IrType.F32, MathF.FusedMultiplyAdd);

    [Test]
    public void Arithmetic_of_f64_is_exact() => ArithmeticIsExact<double>(IrType.F64, Math.FusedMultiplyAdd);

    [Test]
    public void Functions_of_f32_are_within_their_bounds()
    {
        // units in the last place, from the table of relative errors in the specification of OpenCL 1.2
        (Op Op, Func<double, double> Reference, double Ulps)[] functions =
        [
            (Op.Exp, Math.Exp, 3), (Op.Exp2, x => Math.Pow(2, x), 3), (Op.Log, Math.Log, 3), (Op.Log2, Math.Log2, 3),
            (Op.Sin, Math.Sin, 4), (Op.Cos, Math.Cos, 4), (Op.Tanh, Math.Tanh, 5), (Op.Rsqrt, x => 1 / Math.Sqrt(x), 2),
        ];
        var builder = new IrBuilder("Functions");
        IrValue input = builder.Pointer("input");
        IrValue output = builder.Pointer("output");
        IrValue index = builder.GlobalIndex();
        IrValue x = builder.Load(builder.Element(input, IrType.F32, index), IrType.F32);
        for (int i = 0; i < functions.Length; i++)
        {
            Store(builder, output, IrType.F32, index, i, builder.Add(functions[i].Op, IrType.F32, x));
        }

        Store(builder, output, IrType.F32, index, functions.Length, builder.Add(Op.Pow, IrType.F32, builder.Add(Op.Abs, IrType.F32, x), x));
        float[] values = [.. Operands<float>(3).Select(value => float.IsFinite(value) && MathF.Abs(value) > 1e4f ? value % 90 : value)];
        float[] found = OpenClRun.As<float>(OpenClRun.Run(
            builder.Return(), (Count / 64, 64), OpenClRun.Bytes(values), new byte[(functions.Length + 1) * Count * 4])[1]);
        Assert.Multiple(() =>
        {
            for (int k = 0; k < Count; k++)
            {
                for (int i = 0; i < functions.Length; i++)
                {
                    CheckUlps(found[(i * Count) + k], functions[i].Reference(values[k]), functions[i].Ulps, $"{functions[i].Op} {values[k]:R}");
                }

                CheckUlps(found[(functions.Length * Count) + k], Math.Pow(MathF.Abs(values[k]), values[k]), 16, $"pow {values[k]:R}");
            }
        });
    }

    [Test]
    public void Conversions_between_floats_and_integers_agree()
    {
        var builder = new IrBuilder("FloatConversions");
        IrValue floats = builder.Pointer("floats");
        IrValue integers = builder.Pointer("integers");
        IrValue output = builder.Pointer("output");
        IrValue index = builder.GlobalIndex();
        IrValue f64 = builder.Load(builder.Element(floats, IrType.F64, index), IrType.F64);
        IrValue f32 = builder.Add(Op.FloatToFloat, IrType.F32, f64);
        IrValue i64 = builder.Load(builder.Element(integers, IrType.I64, index), IrType.I64);
        IrValue i32 = builder.Add(Op.Truncation, IrType.I32, i64);
        IrValue[] results =
        [
            f32,
            builder.Add(Op.FloatToInt, IrType.I32, f32), builder.Add(Op.FloatToUnsigned, IrType.I32, f32),
            builder.Add(Op.FloatToInt, IrType.I64, f32), builder.Add(Op.FloatToUnsigned, IrType.I64, f32),
            builder.Add(Op.FloatToInt, IrType.I32, f64), builder.Add(Op.FloatToUnsigned, IrType.I32, f64),
            builder.Add(Op.FloatToInt, IrType.I64, f64), builder.Add(Op.FloatToUnsigned, IrType.I64, f64),
            builder.Add(Op.FloatToInt, IrType.I8, f32), builder.Add(Op.FloatToUnsigned, IrType.I16, f64),
            builder.Add(Op.IntToFloat, IrType.F32, i32), builder.Add(Op.UnsignedToFloat, IrType.F32, i32),
            builder.Add(Op.IntToFloat, IrType.F32, i64), builder.Add(Op.UnsignedToFloat, IrType.F32, i64),
            builder.Add(Op.IntToFloat, IrType.F64, i32), builder.Add(Op.UnsignedToFloat, IrType.F64, i32),
            builder.Add(Op.IntToFloat, IrType.F64, i64), builder.Add(Op.UnsignedToFloat, IrType.F64, i64),
            builder.Add(Op.FloatToFloat, IrType.F64, f32),
        ];
        for (int i = 0; i < results.Length; i++)
        {
            IrType type = results[i].Type;
            IrValue bits = type.IsFloat ? builder.Add(Op.Bitcast, type == IrType.F32 ? IrType.I32 : IrType.I64, results[i]) : results[i];
            Store(builder, output, IrType.I64, index, i, bits.Type == IrType.I64 ? bits : builder.Add(Op.ZeroExtend, IrType.I64, bits));
        }

        double[] values = Operands<double>(5);
        long[] numbers = [.. values.Select((value, k) => BitConverter.DoubleToInt64Bits(value) >> (k % 64))];
        long[] found = OpenClRun.As<long>(OpenClRun.Run(
            builder.Return(), (Count / 64, 64), OpenClRun.Bytes(values), OpenClRun.Bytes(numbers), new byte[results.Length * Count * 8])[2]);
        Assert.Multiple(() =>
        {
            for (int k = 0; k < Count; k++)
            {
                long[] expected = Converted(values[k], numbers[k]);
                for (int i = 0; i < expected.Length; i++)
                {
                    long actual = found[(i * Count) + k];
                    bool bothNaN = i is 0 or 19 && double.IsNaN(values[k])
                        && double.IsNaN(i == 0 ? BitConverter.Int32BitsToSingle((int)actual) : BitConverter.Int64BitsToDouble(actual));
                    if (actual != expected[i] && !bothNaN)
                    {
                        Assert.Fail($"conversion {i} of {values[k]:R}, {numbers[k]}: expected {expected[i]:X}, found {actual:X}");
                    }
                }
            }
        });
    }

    [Test]
    public void Every_f16_and_bf16_widens_as_in_CSharp()
    {
        var builder = new IrBuilder("Widen");
        IrValue output = builder.Pointer("output");
        IrValue index = builder.GlobalIndex();
        IrValue bits = builder.Add(Op.Truncation, IrType.I16, index);
        Store(builder, output, IrType.F32, index, 0, builder.Add(Op.HalfToFloat, IrType.F32, bits));
        Store(builder, output, IrType.F32, index, 64, builder.Add(Op.BFloat16ToFloat, IrType.F32, bits));
        float[] found = OpenClRun.As<float>(OpenClRun.Run(builder.Return(), (1024, 64), new byte[2 * 65536 * 4])[0]);
        float[] expected =
        [
            .. Enumerable.Range(0, 65536).Select(i => (float)Llama.Gpu.Jit.Half.FromBits((ushort)i)),
            .. Enumerable.Range(0, 65536).Select(i => (float)BFloat16.FromBits((ushort)i)),
        ];
        Assert.That(found.Zip(expected, (f, e) => f.Equals(e)).All(same => same), Is.True);
    }

    [Test]
    public void F32_rounds_to_f16_and_bf16_as_in_CSharp()
    {
        var builder = new IrBuilder("Round");
        IrValue input = builder.Pointer("input");
        IrValue output = builder.Pointer("output");
        IrValue index = builder.GlobalIndex();
        IrValue value = builder.Load(builder.Element(input, IrType.F32, index), IrType.F32);
        Store(builder, output, IrType.I16, index, 0, builder.Add(Op.FloatToHalf, IrType.I16, value));
        Store(builder, output, IrType.I16, index, 256, builder.Add(Op.FloatToBFloat16, IrType.I16, value));

        // halfway and next to halfway between neighbours, all over the range of both types
        const int length = 256 * Count;
        float[] values = [.. Enumerable.Range(0, length).Select(i => BitConverter.UInt32BitsToSingle((uint)(i << 14) + (uint)((i % 3) - 1)))];
        ushort[] found = OpenClRun.As<ushort>(OpenClRun.Run(builder.Return(), (length / 64, 64), OpenClRun.Bytes(values), new byte[2 * length * 2])[1]);
        for (int i = 0; i < length; i++)
        {
            var half = Llama.Gpu.Jit.Half.FromBits(found[i]);
            var brain = BFloat16.FromBits(found[length + i]);
            bool same = float.IsNaN(values[i])
                ? float.IsNaN(half) && float.IsNaN(brain)
                : half.Bits == ((Llama.Gpu.Jit.Half)values[i]).Bits && brain.Bits == ((BFloat16)values[i]).Bits;
            if (!same)
            {
                Assert.Fail($"{values[i]:R}: found f16 {(float)half:R}, bf16 {(float)brain:R}");
            }
        }
    }

    private static void ArithmeticIsExact<T>(IrType type, Func<T, T, T, T> fma)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (Op Op, Func<T, T, T> Reference)[] operations =
        [
            (Op.Add, (a, b) => a + b), (Op.Sub, (a, b) => a - b), (Op.Mul, (a, b) => a * b), (Op.Div, (a, b) => a / b),
            (Op.Rem, (a, b) => a % b), (Op.Min, T.Min), (Op.Max, T.Max), (Op.Neg, (a, _) => -a), (Op.Abs, (a, _) => T.Abs(a)),
            (Op.Sqrt, (a, _) => T.Sqrt(a)), (Op.Floor, (a, _) => T.Floor(a)), (Op.Ceiling, (a, _) => T.Ceiling(a)),
            (Op.RoundEven, (a, _) => T.Round(a)), (Op.Truncate, (a, _) => T.Truncate(a)), (Op.Fma, (a, b) => fma(a, b, a)),
            (Op.Eq, (a, b) => Truth<T>(a == b)), (Op.Ne, (a, b) => Truth<T>(a != b)), (Op.Lt, (a, b) => Truth<T>(a < b)),
            (Op.Le, (a, b) => Truth<T>(a <= b)), (Op.LtU, (a, b) => Truth<T>(!(a >= b))), (Op.LeU, (a, b) => Truth<T>(!(a > b))),
        ];
        var builder = new IrBuilder($"Floats{type}");
        IrValue first = builder.Pointer("first");
        IrValue second = builder.Pointer("second");
        IrValue output = builder.Pointer("output");
        IrValue index = builder.GlobalIndex();
        IrValue a = builder.Load(builder.Element(first, type, index), type);
        IrValue b = builder.Load(builder.Element(second, type, index), type);
        IrValue one = builder.Constant(type, type == IrType.F32 ? BitConverter.SingleToInt32Bits(1) : BitConverter.DoubleToInt64Bits(1));
        IrValue zero = builder.Constant(type, 0);
        for (int i = 0; i < operations.Length; i++)
        {
            Op op = operations[i].Op;
            IrValue value = op switch
            {
                Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU =>
                    builder.Add(Op.Select, type, builder.Add(op, IrType.I1, a, b), one, zero),
                Op.Fma => builder.Add(op, type, a, b, a),
                Op.Add or Op.Sub or Op.Mul or Op.Div or Op.Rem or Op.Min or Op.Max => builder.Add(op, type, a, b),
                _ => builder.Add(op, type, a),
            };
            Store(builder, output, type, index, i, value);
        }

        // a product that a compiler must not join with the sum after it
        Store(builder, output, type, index, operations.Length, builder.Add(Op.Add, type, builder.Add(Op.Mul, type, a, b), a));

        T[] left = Operands<T>(1);
        T[] right = Operands<T>(2);
        T[] found = OpenClRun.As<T>(OpenClRun.Run(
            builder.Return(), (Count / 64, 64), OpenClRun.Bytes(left), OpenClRun.Bytes(right), new byte[(operations.Length + 1) * Count * type.Bytes])[2]);
        Assert.Multiple(() =>
        {
            for (int i = 0; i <= operations.Length; i++)
            {
                for (int k = 0; k < Count; k++)
                {
                    T expected = i < operations.Length ? operations[i].Reference(left[k], right[k]) : (left[k] * right[k]) + left[k];
                    T actual = found[(i * Count) + k];
                    if (!actual.Equals(expected) || T.IsNegative(actual) != T.IsNegative(expected))
                    {
                        if (!(T.IsNaN(actual) && T.IsNaN(expected)))
                        {
                            string name = i < operations.Length ? operations[i].Op.ToString() : "multiply, then add";
                            Assert.Fail($"{name} {type} of {left[k]} and {right[k]}: expected {expected}, found {actual}");
                            break;
                        }
                    }
                }
            }
        });
    }

    private static T Truth<T>(bool value)
        where T : INumber<T> => value ? T.One : T.Zero;

    private static void Store(IrBuilder builder, IrValue output, IrType type, IrValue index, int part, IrValue value)
    {
        IrValue place = builder.Add(Op.Add, IrType.I32, index, builder.Constant(IrType.I32, part * Count));
        builder.Store(builder.Element(output, type, place), value);
    }

    // edges against one another, then numbers of any size, a third of them near 1
    private static T[] Operands<T>(int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double[] edges =
        [
            0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, double.NaN, double.PositiveInfinity, double.NegativeInfinity,
            1e-40, -1e-40, 2147483647, -2147483648, 2147483648, 4294967295, 4294967296, 9.2e18, 1.9e19, -9.3e18, 3.4e38, 1e300, 300, -129, 65535,
        ];
        var random = new Random(seed);
        var values = new T[Count];
        for (int i = 0; i < Count; i++)
        {
            int edge = seed == 2 ? i / edges.Length % edges.Length : i % edges.Length;
            double drawn = i % 3 == 0 ? random.NextDouble() * 4 : Math.ScaleB(random.NextDouble(), random.Next(-60, 70));
            values[i] = T.CreateTruncating(i < edges.Length * edges.Length ? edges[edge] : random.Next(2) == 0 ? drawn : -drawn);
        }

        return values;
    }

    private static void CheckUlps(float found, double expected, double ulps, string what)
    {
        float rounded = (float)expected;
        if (found.Equals(rounded) || (float.IsNaN(found) && float.IsNaN(rounded)))
        {
            return;
        }

        double unit = Math.Max(MathF.BitIncrement(MathF.Abs(rounded)) - MathF.Abs(rounded), float.Epsilon);
        if (!(Math.Abs(found - expected) <= ulps * unit))
        {
            Assert.Fail($"{what}: expected {rounded:R}, found {found:R}");
        }
    }

    private static long[] Converted(double value, long number)
    {
        float single = (float)value;
        int narrow = (int)number;
        long Bits32(float result) => BitConverter.SingleToUInt32Bits(result);
        long Bits64(double result) => BitConverter.DoubleToInt64Bits(result);
        return
        [
            Bits32(single),
            (uint)int.CreateSaturating(single), uint.CreateSaturating(single),
            long.CreateSaturating(single), (long)ulong.CreateSaturating(single),
            (uint)int.CreateSaturating(value), uint.CreateSaturating(value),
            long.CreateSaturating(value), (long)ulong.CreateSaturating(value),
            (byte)sbyte.CreateSaturating(single), ushort.CreateSaturating(value),
            Bits32(narrow), Bits32((uint)narrow),
            Bits32(number), Bits32((ulong)number),
            Bits64(narrow), Bits64((uint)narrow),
            Bits64(number), Bits64((ulong)number),
            Bits64(single),
        ];
    }
}
