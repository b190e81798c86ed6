using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Ir;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>What emitted text means, carried out by <see cref="PtxMachine"/> and compared with C#.</summary>
public sealed class PtxMeaningTests
{
    private static IEnumerable<PtxOpCase> Cases => PtxOpCases.All;

    [TestCaseSource(nameof(Cases))]
    public void Operation_gives_what_CSharp_gives(object test)
    {
        var op = (PtxOpCase)test;
        foreach (string target in new[] { "sm_70", "sm_80" })
        {
            PtxProgram program = PtxProgram.Parse(PtxEmitter.Emit(op.Build("K"), new PtxOptions(PtxTarget.Parse(target))).Text, "K");
            foreach (ulong[] operands in Combinations([.. op.Operands.Select(type => PtxOpCases.Samples(type).ToArray())]))
            {
                if (op.Expected(operands) is not ulong expected)
                {
                    continue;
                }

                ulong found = Run(program, op.Result, operands);
                Assert.That(
                    IsNaN(op.Result, found) && IsNaN(op.Result, expected) ? expected : found,
                    Is.EqualTo(expected), $"{target} ({string.Join(", ", operands.Select(bits => $"0x{bits:x}"))})");
            }
        }
    }

    [Test]
    public void Moves_into_a_loop_happen_at_once()
    {
        // (a, b, c) = (b, c, a), seven times: a ring that needs a copy
        var sketch = new IrSketch("Rotate", IrSketch.Global);
        Instruction memory = sketch.Parameter(0);
        IrBlock loop = IrSketch.Block(IrType.I32, IrType.F32, IrType.F32, IrType.F32);
        IrBlock done = IrSketch.Block(IrType.F32, IrType.F32, IrType.F32);
        sketch.Goto(loop, sketch.Constant(IrType.I32, 0), sketch.Single(1), sketch.Single(2), sketch.Single(3));
        var (i, a, b, c) = (loop.Parameters[0], loop.Parameters[1], loop.Parameters[2], loop.Parameters[3]);
        Instruction next = sketch.Add(Op.Add, IrType.I32, i, sketch.Constant(IrType.I32, 1));
        Instruction more = sketch.Add(Op.Lt, IrType.I1, next, sketch.Constant(IrType.I32, 7));
        sketch.Branch(more, new Jump(loop, next, b, c, a), new Jump(done, a, b, c));
        sketch.Enter(done);
        Instruction vector = sketch.Add(Op.BuildVector, IrType.F32 with { Width = 4 }, [.. done.Parameters, sketch.Single(9)]);
        sketch.Store(memory, vector, 16);

        var bytes = new byte[16];
        PtxProgram program = PtxProgram.Parse(PtxEmitter.Emit(sketch.Return(), new PtxOptions(new PtxTarget(80))).Text, "Rotate");
        new PtxMachine(program, bytes, 0).Run();
        Assert.That(Enumerable.Range(0, 4).Select(k => BitConverter.ToSingle(bytes, 4 * k)), Is.EqualTo(new[] { 1f, 2f, 3f, 9f }));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(4)]
    [TestCase(8)]
    [TestCase(16)]
    [TestCase(32)]
    public void Vectors_are_copied_whole_at_every_alignment(int alignment)
    {
        foreach (IrType scalar in new[] { IrType.I8, IrType.I16, IrType.I32, IrType.F32, IrType.I64, IrType.F64 }.Where(type => type.Bytes <= alignment))
        {
            foreach (int width in new[] { 2, 4, 8 })
            {
                IrType type = scalar with { Width = width };
                var sketch = new IrSketch("Copy", IrSketch.Global);
                Instruction memory = sketch.Parameter(0);
                Instruction shared = sketch.Add(Op.AllocateShared, IrType.Pointer(AddressSpace.Shared), 64);
                sketch.Store(shared, sketch.Load(type, memory, alignment), alignment);
                sketch.Store(sketch.At(memory, 64), sketch.Load(type, shared, alignment), alignment);
                PtxProgram program = PtxProgram.Parse(PtxEmitter.Emit(sketch.Return(), new PtxOptions(new PtxTarget(80))).Text, "Copy");

                byte[] bytes = [.. Enumerable.Range(0, 128).Select(i => (byte)(i < 64 ? i + 1 : 0))];
                new PtxMachine(program, bytes, 0).Run();
                Assert.That(bytes[64..(64 + type.Bytes)], Is.EqualTo(bytes[..type.Bytes]), type.ToString());
                Assert.That(bytes[(64 + type.Bytes)..], Is.All.Zero, type.ToString());
            }
        }
    }

    [TestCase(Op.Exp)]
    [TestCase(Op.Exp2)]
    [TestCase(Op.Log)]
    [TestCase(Op.Log2)]
    [TestCase(Op.Sin)]
    [TestCase(Op.Cos)]
    [TestCase(Op.Tanh)]
    public void Single_function_keeps_its_stated_error(object op) => CheckFunction((Op)op, IrType.F32, 20000);

    [TestCase(Op.Exp)]
    [TestCase(Op.Exp2)]
    [TestCase(Op.Log)]
    [TestCase(Op.Log2)]
    [TestCase(Op.Sin)]
    [TestCase(Op.Cos)]
    [TestCase(Op.Tanh)]
    public void Double_function_keeps_its_stated_error(object op) => CheckFunction((Op)op, IrType.F64, 5000);

    [Test]
    public void Approximate_power_of_two_is_one_instruction_within_its_stated_error()
    {
        var sketch = new IrSketch("Exp2", IrSketch.Global, IrSketch.Global);
        sketch.Store(sketch.Parameter(1), sketch.Add(Op.Exp2Approximate, IrType.F32, sketch.Load(IrType.F32, sketch.Parameter(0), 4)), 4);
        Assert.That(PtxEmitter.Emit(sketch.Return(), new PtxOptions(new PtxTarget(70))).Text, Does.Contain("ex2.approx.ftz.f32 %f"));
        PtxProgram program = Program(Op.Exp2Approximate, IrType.F32, 1);
        foreach (float x in (float[])[0, 1, -1, 0.3f, -17.25f, 100, -125.5f, -140, 128, float.NegativeInfinity])
        {
            double exact = Math.Pow(2, x);
            double found = Value(IrType.F32, Run(program, IrType.F32, [Bits(IrType.F32, x)]));
            Assert.That(found, exact < Math.ScaleB(1, -126) ? Is.Zero : Is.EqualTo((float)exact).Within(exact * Math.ScaleB(1, -21)), $"2^{x}");
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Two_numbers_rounded_into_a_word_are_one_conversion(bool brain)
    {
        Op convert = brain ? Op.FloatToBFloat16 : Op.FloatToHalf;
        var sketch = new IrSketch("Pair", IrSketch.Global, IrSketch.Global);
        IrValue Half(int at) => sketch.Add(Op.ZeroExtend, IrType.I32, sketch.Add(convert, IrType.I16, sketch.Load(IrType.F32, sketch.At(sketch.Parameter(0), at), 4)));
        IrValue low = Half(0);
        IrValue high = sketch.Add(Op.Shl, IrType.I32, Half(4), sketch.Constant(IrType.I32, 16));
        sketch.Store(sketch.Parameter(1), sketch.Add(Op.Or, IrType.I32, high, low), 4);
        IrFunction function = sketch.Return();
        string text = PtxEmitter.Emit(function, new PtxOptions(new PtxTarget(80))).Text;
        Assert.That(text, Does.Contain(brain ? "cvt.rn.bf16x2.f32" : "cvt.rn.f16x2.f32"));
        Assert.That(PtxEmitter.Emit(function, new PtxOptions(new PtxTarget(75))).Text, Does.Not.Contain("x2.f32"));
        byte[] bytes = [.. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(-3f), 0, 0, 0, 0];
        new PtxMachine(PtxProgram.Parse(text, "Pair"), bytes, 0, 8).Run();
        uint expected = brain
            ? ((Llama.Gpu.Jit.BFloat16)1.5f).Bits | ((uint)((Llama.Gpu.Jit.BFloat16)(-3f)).Bits << 16)
            : ((Llama.Gpu.Jit.Half)1.5f).Bits | ((uint)((Llama.Gpu.Jit.Half)(-3f)).Bits << 16);
        Assert.That(BitConverter.ToUInt32(bytes, 8), Is.EqualTo(expected));
    }

    [Test]
    public void Power_keeps_its_stated_error_and_the_cases_of_CSharp()
    {
        foreach (IrType type in new[] { IrType.F32, IrType.F64 })
        {
            PtxProgram program = Program(Op.Pow, type, 2);
            double[] edges = [0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 10, 1e30, double.PositiveInfinity, double.NegativeInfinity, double.NaN];
            var random = new Random(3);
            IEnumerable<(double, double)> pairs = edges.SelectMany(x => edges.Select(y => (x, y)))
                .Concat(Enumerable.Range(0, 2000).Select(_ => (Math.Exp((random.NextDouble() * 20) - 10), (random.NextDouble() * 12) - 6)));
            foreach ((double x, double y) in pairs)
            {
                double base_ = type == IrType.F32 ? (float)x : x;
                double power = type == IrType.F32 ? (float)y : y;
                double found = Value(type, Run(program, type, [Bits(type, base_), Bits(type, power)]));
                Assert.That(Ulps(type, found, Math.Pow(base_, power)), Is.LessThanOrEqualTo(PtxFunctions.ErrorOf(Op.Pow, type)), $"{base_}^{power} = {found}");
            }
        }
    }

    private static void CheckFunction(Op op, IrType type, int count)
    {
        PtxProgram program = Program(op, type, 1);
        double range = op is Op.Sin or Op.Cos ? type == IrType.F32 ? 1e9 : 1e6 : double.MaxValue;
        double worst = 0;
        double at = 0;
        var random = new Random(7);
        IEnumerable<double> values = Enumerable.Range(0, count)
            .Select(i => (i % 4) switch
            {
                0 => (random.NextDouble() * 210) - 105,
                1 => (random.NextDouble() * 4) - 2,
                2 => Math.Exp((random.NextDouble() * 160) - 80),
                _ => type == IrType.F32 ? BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)) : (random.NextDouble() * 1500) - 750,
            })
            .Concat(PtxOpCases.Samples(type).Select(bits => Value(type, bits)));
        foreach (double sample in values)
        {
            double x = type == IrType.F32 ? (float)sample : sample;
            double expected = Exact(op, x);
            bool hard = type == IrType.F64 && op is Op.Sin or Op.Cos && Math.Abs(expected) < 1e-3;
            if (double.IsFinite(x) && (Math.Abs(x) > range || hard))
            {
                continue;
            }

            double error = Ulps(type, Value(type, Run(program, type, [Bits(type, x)])), expected);
            (worst, at) = error > worst ? (error, x) : (worst, at);
        }

        TestContext.Out.WriteLine($"{op} {type}: {worst:0.000} ulp at {at:R}");
        Assert.That(worst, Is.LessThanOrEqualTo(PtxFunctions.ErrorOf(op, type)), $"{op} at {at:R}");
    }

    private static double Exact(Op op, double x) => op switch
    {
        Op.Exp => Math.Exp(x),
        Op.Exp2 => Math.Pow(2, x),
        Op.Log => Math.Log(x),
        Op.Log2 => Math.Log2(x),
        Op.Sin => Math.Sin(x),
        Op.Cos => Math.Cos(x),
        _ => Math.Tanh(x),
    };

    // distance from the exact value, in the spacing of the type's numbers there
    private static double Ulps(IrType type, double found, double expected)
    {
        double rounded = type == IrType.F32 ? (float)expected : expected;
        if (found == rounded || (double.IsNaN(found) && double.IsNaN(rounded)))
        {
            return type == IrType.F32 && double.IsFinite(rounded) ? Math.Abs(found - expected) / Spacing(type, rounded) : 0;
        }

        return !double.IsFinite(found) || !double.IsFinite(expected)
            ? double.PositiveInfinity
            : Math.Abs(found - expected) / Spacing(type, expected);
    }

    private static double Spacing(IrType type, double value) => type == IrType.F32
        ? Math.ScaleB(1, Math.Max(value == 0 ? -126 : Math.ILogB(value), -126) - 23)
        : Math.BitIncrement(Math.Abs(value)) - Math.Abs(value);

    private static PtxProgram Program(Op op, IrType type, int operands)
    {
        var test = new PtxOpCase(op, type, [.. Enumerable.Repeat(type, operands)], _ => null);
        return PtxProgram.Parse(PtxEmitter.Emit(test.Build("K"), new PtxOptions(new PtxTarget(80))).Text, "K");
    }

    private static ulong Run(PtxProgram program, IrType result, ulong[] operands)
    {
        var memory = new byte[64];
        for (int i = 0; i < operands.Length; i++)
        {
            BitConverter.TryWriteBytes(memory.AsSpan(8 * i), operands[i]);
        }

        new PtxMachine(program, memory, 0, 32).Run();
        return PtxArithmetic.Low(BitConverter.ToUInt64(memory, 32), result.Bytes * 8);
    }

    private static IEnumerable<ulong[]> Combinations(ulong[][] samples) => samples.Aggregate(
        (IEnumerable<ulong[]>)[[]], (some, next) => some.SelectMany(start => next.Select(value => (ulong[])[.. start, value])));

    private static double Value(IrType type, ulong bits) =>
        type == IrType.F32 ? BitConverter.UInt32BitsToSingle((uint)bits) : BitConverter.UInt64BitsToDouble(bits);

    private static ulong Bits(IrType type, double value) =>
        type == IrType.F32 ? BitConverter.SingleToUInt32Bits((float)value) : BitConverter.DoubleToUInt64Bits(value);

    // bf16 and f16 have a NaN of their own
    private static bool IsNaN(IrType type, ulong bits) => type.IsFloat
        ? double.IsNaN(Value(type, bits))
        : type == IrType.I16 && (bits & 0x7FFF) > 0x7F80;
}
