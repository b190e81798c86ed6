using Llama.Gpu.Jit.Ir;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>Integer operations of every width against C#'s, on edge values and random ones, one kernel a width.</summary>
public sealed class OpenClIntegerTests
{
    private const int Count = 1024;

    private static readonly (Op Op, Func<long, long, int, long> Reference)[] Arithmetic =
    [
        (Op.Add, (a, b, _) => a + b),
        (Op.Sub, (a, b, _) => a - b),
        (Op.Mul, (a, b, _) => a * b),
        (Op.And, (a, b, _) => a & b),
        (Op.Or, (a, b, _) => a | b),
        (Op.Xor, (a, b, _) => a ^ b),
        (Op.Min, (a, b, _) => Math.Min(a, b)),
        (Op.Max, (a, b, _) => Math.Max(a, b)),
        (Op.MinU, (a, b, bits) => (long)Math.Min(Unsigned(a, bits), Unsigned(b, bits))),
        (Op.MaxU, (a, b, bits) => (long)Math.Max(Unsigned(a, bits), Unsigned(b, bits))),
        (Op.Div, (a, b, bits) => b == 0 || IsLeastByMinusOne(a, b, bits) ? 0 : a / b),
        (Op.Rem, (a, b, bits) => b == 0 || IsLeastByMinusOne(a, b, bits) ? 0 : a % b),
        (Op.DivU, (a, b, bits) => b == 0 ? 0 : (long)(Unsigned(a, bits) / Unsigned(b, bits))),
        (Op.RemU, (a, b, bits) => b == 0 ? 0 : (long)(Unsigned(a, bits) % Unsigned(b, bits))),
        (Op.Shl, (a, b, bits) => a << (int)(b & (bits - 1))),
        (Op.Shr, (a, b, bits) => a >> (int)(b & (bits - 1))),
        (Op.ShrU, (a, b, bits) => (long)(Unsigned(a, bits) >> (int)(b & (bits - 1)))),
        (Op.Neg, (a, _, _) => -a),
        (Op.Not, (a, _, _) => ~a),
        (Op.Abs, (a, _, _) => a < 0 ? -a : a),
        (Op.Eq, (a, b, _) => a == b ? 1 : 0),
        (Op.Ne, (a, b, _) => a != b ? 1 : 0),
        (Op.Lt, (a, b, _) => a < b ? 1 : 0),
        (Op.Le, (a, b, _) => a <= b ? 1 : 0),
        (Op.LtU, (a, b, bits) => Unsigned(a, bits) < Unsigned(b, bits) ? 1 : 0),
        (Op.LeU, (a, b, bits) => Unsigned(a, bits) <= Unsigned(b, bits) ? 1 : 0),
    ];

    [TestCase(8)]
    [TestCase(16)]
    [TestCase(32)]
    [TestCase(64)]
    public void Integer_operations_agree(int bits)
    {
        IrType type = Type(bits);
        var builder = new IrBuilder($"Integers{bits}");
        IrValue first = builder.Pointer("first");
        IrValue second = builder.Pointer("second");
        IrValue output = builder.Pointer("output");
        IrValue index = builder.GlobalIndex();
        IrValue a = builder.Load(builder.Element(first, type, index), type);
        IrValue b = builder.Load(builder.Element(second, type, index), type);
        IrValue count = bits switch
        {
            64 => builder.Add(Op.Truncation, IrType.I32, b),
            32 => b,
            _ => builder.Add(Op.SignExtend, IrType.I32, b),
        };
        IrValue isNotZero = NotEqual(builder, b, 0);
        IrValue isDefined = builder.Add(
            Op.And, IrType.I1, isNotZero,
            builder.Add(Op.Or, IrType.I1, NotEqual(builder, a, long.MinValue >> (64 - bits)), NotEqual(builder, b, -1)));
        IrValue zero = builder.Constant(type, 0);
        IrValue one = builder.Constant(type, 1);
        for (int i = 0; i < Arithmetic.Length; i++)
        {
            Op op = Arithmetic[i].Op;
            IrValue value = op switch
            {
                Op.Div or Op.Rem => Divide(builder, op, a, b, isDefined, one, zero),
                Op.DivU or Op.RemU => Divide(builder, op, a, b, isNotZero, one, zero),
                Op.Shl or Op.Shr or Op.ShrU => builder.Add(op, type, a, count),
                Op.Neg or Op.Not or Op.Abs => builder.Add(op, type, a),
                Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU =>
                    builder.Add(Op.ZeroExtend, type, builder.Add(op, IrType.I1, a, b)),
                _ => builder.Add(op, type, a, b),
            };
            IrValue place = builder.Add(Op.Add, IrType.I32, index, builder.Constant(IrType.I32, i * Count));
            builder.Store(builder.Element(output, type, place), value);
        }

        (long[] left, long[] right) = Operands(bits);
        byte[][] result = OpenClRun.Run(
            builder.Return(), (Count / 64, 64), Narrow(left, bits), Narrow(right, bits), new byte[Arithmetic.Length * Count * type.Bytes]);
        long[] found = Widen(result[2], bits);
        Assert.Multiple(() =>
        {
            for (int i = 0; i < Arithmetic.Length; i++)
            {
                for (int k = 0; k < Count; k++)
                {
                    long expected = SignExtend(Arithmetic[i].Reference(left[k], right[k], bits), bits);
                    if (found[(i * Count) + k] != expected)
                    {
                        Assert.Fail($"{Arithmetic[i].Op} i{bits} of {left[k]} and {right[k]}: expected {expected}, found {found[(i * Count) + k]}");
                        break;
                    }
                }
            }
        });
    }

    [Test]
    public void Integer_conversions_agree()
    {
        (int From, int To, Op Op)[] conversions =
        [
            .. from wide in new[] { 16, 32, 64 } from narrow in new[] { 8, 16, 32 } where narrow < wide
               from op in new[] { Op.SignExtend, Op.ZeroExtend, Op.Truncation }
               select op == Op.Truncation ? (wide, narrow, op) : (narrow, wide, op),
        ];
        var builder = new IrBuilder("Conversions");
        IrValue input = builder.Pointer("input");
        IrValue output = builder.Pointer("output");
        IrValue index = builder.GlobalIndex();
        IrValue value = builder.Load(builder.Element(input, IrType.I64, index), IrType.I64);
        for (int i = 0; i < conversions.Length; i++)
        {
            (int from, int to, Op op) = conversions[i];
            IrValue narrow = from == 64 ? value : builder.Add(Op.Truncation, Type(from), value);
            IrValue converted = builder.Add(op, Type(to), narrow);
            IrValue wide = to == 64 ? converted : builder.Add(Op.SignExtend, IrType.I64, converted);
            IrValue place = builder.Add(Op.Add, IrType.I32, index, builder.Constant(IrType.I32, i * Count));
            builder.Store(builder.Element(output, IrType.I64, place), wide);
        }

        (long[] values, _) = Operands(64);
        long[] found = OpenClRun.As<long>(
            OpenClRun.Run(builder.Return(), (Count / 64, 64), OpenClRun.Bytes(values), new byte[conversions.Length * Count * 8])[1]);
        for (int i = 0; i < conversions.Length; i++)
        {
            (int from, int to, Op op) = conversions[i];
            long[] expected = [.. values.Select(number => SignExtend(op == Op.ZeroExtend ? (long)Unsigned(number, from) : SignExtend(number, from), to))];
            Assert.That(found[(i * Count)..((i + 1) * Count)], Is.EqualTo(expected), $"{op} i{from} to i{to}");
        }
    }

    private static IrValue NotEqual(IrBuilder builder, IrValue value, long constant) =>
        builder.Add(Op.Ne, IrType.I1, value, builder.Constant(value.Type, constant));

    private static IrValue Divide(IrBuilder builder, Op op, IrValue a, IrValue b, IrValue defined, IrValue one, IrValue zero)
    {
        IrValue divisor = builder.Add(Op.Select, b.Type, defined, b, one);
        return builder.Add(Op.Select, a.Type, defined, builder.Add(op, a.Type, a, divisor), zero);
    }

    private static bool IsLeastByMinusOne(long a, long b, int bits) => b == -1 && a == long.MinValue >> (64 - bits);

    private static IrType Type(int bits) => bits switch
    {
        8 => IrType.I8,
        16 => IrType.I16,
        32 => IrType.I32,
        _ => IrType.I64,
    };

    private static ulong Unsigned(long value, int bits) => (ulong)value & (ulong.MaxValue >> (64 - bits));

    private static long SignExtend(long value, int bits) => value << (64 - bits) >> (64 - bits);

    // all pairs of edges, then random ones with about as many short numbers as long ones
    private static (long[] First, long[] Second) Operands(int bits)
    {
        long least = long.MinValue >> (64 - bits);
        long[] edges = [0, 1, -1, 2, -2, 7, 31, 32, 63, 64, least, least + 1, -least - 1, -least - 2, least / 2, 100];
        var random = new Random(bits);
        long Draw() => SignExtend(random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64), bits);
        var pairs = edges.SelectMany(a => edges.Select(b => (A: SignExtend(a, bits), B: SignExtend(b, bits)))).ToList();
        while (pairs.Count < Count)
        {
            pairs.Add((Draw(), Draw()));
        }

        return ([.. pairs.Select(pair => pair.A)], [.. pairs.Select(pair => pair.B)]);
    }

    private static byte[] Narrow(long[] values, int bits) =>
        [.. values.SelectMany(value => BitConverter.GetBytes(value).Take(bits / 8))];

    private static long[] Widen(byte[] bytes, int bits) => bits switch
    {
        8 => [.. OpenClRun.As<sbyte>(bytes)],
        16 => [.. OpenClRun.As<short>(bytes)],
        32 => [.. OpenClRun.As<int>(bytes)],
        _ => OpenClRun.As<long>(bytes),
    };
}
