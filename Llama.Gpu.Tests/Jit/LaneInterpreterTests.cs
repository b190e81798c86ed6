using Llama.Gpu.Jit.Ir;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit;

public sealed class LaneInterpreterTests
{
    // sums 0 to 9 into the first i32
    private const string Sum = """
        kernel Sum(data: ptr.global)
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 0
            %2: i32 = constant 10
            %3: i32 = constant 1
            goto b1(%1, %1)
        b1(%4: i32, %5: i32):
            %6: i1 = lt %4, %2
            if %6 goto b2() else b3()
        b2():
            %7: i32 = add %5, %4
            %8: i32 = add %4, %3
            goto b1(%8, %7)
        b3():
            store align 4 %0, %5
            return

        """;

    [Test]
    public void Text_that_is_read_prints_as_it_was() => Assert.That(IrPrinter.Print(IrText.Parse(Sum)), Is.EqualTo(Sum.ReplaceLineEndings("\n")));

    [Test]
    public void A_loop_runs_to_its_bound()
    {
        var memory = new byte[8];
        new LaneInterpreter(IrText.Parse(Sum), memory).Run(LaneInterpreter.Global(4));
        Assert.That(BitConverter.ToInt32(memory, 4), Is.EqualTo(45));
    }

    [Test]
    public void An_access_that_is_less_aligned_than_promised_is_refused() =>
        Assert.That(
            () => new LaneInterpreter(IrText.Parse(Sum), new byte[8]).Run(LaneInterpreter.Global(2)),
            Throws.InvalidOperationException.With.Message.Contains("not aligned"));

    [Test]
    public void An_access_outside_memory_is_refused() =>
        Assert.That(
            () => new LaneInterpreter(IrText.Parse(Sum), new byte[8]).Run(LaneInterpreter.Global(8)),
            Throws.InvalidOperationException.With.Message.Contains("outside memory"));

    [TestCase("floattoint", "f32", "i32", 3e9f, int.MaxValue)]
    [TestCase("floattoint", "f32", "i8", -1e9f, sbyte.MinValue)]
    [TestCase("floattoint", "f32", "i32", float.NaN, 0)]
    [TestCase("floattounsigned", "f32", "i32", 3e9f, unchecked((int)3_000_000_000))]
    [TestCase("floattounsigned", "f32", "i32", -1f, 0)]
    public void Conversions_saturate(string op, string from, string to, float value, long expected)
    {
        string literal = value.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        var memory = new byte[8];
        new LaneInterpreter(
            IrText.Parse($"""
            kernel Convert(data: ptr.global)
            b0():
                %0: ptr.global = parameter 0
                %1: {from} = constant {literal}
                %2: {to} = {op} %1
                %3: i64 = {(to == "i64" ? "bitcast" : "signextend")} %2
                store align 8 %0, %3
                return
            """),
            memory).Run(LaneInterpreter.Global(0));
        Assert.That(BitConverter.ToInt64(memory), Is.EqualTo(expected));
    }
}
