using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Passes;

public sealed class ConstantFoldingTests
{
    [TestCase("i32", "add", "2147483647", "1", "-2147483648")]
    [TestCase("i8", "mul", "100", "3", "44")]
    [TestCase("i32", "divu", "-2", "2", "2147483647")]
    [TestCase("i32", "rem", "-7", "3", "-1")]
    [TestCase("i64", "minu", "-1", "5", "5")]
    [TestCase("i16", "max", "-1", "5", "5")]
    [TestCase("f32", "div", "1", "3", "0.33333334")]
    [TestCase("f32", "min", "0", "-0", "-0")]
    [TestCase("f64", "add", "0.1", "0.2", "0.30000000000000004")]
    public void Arithmetic_on_constants_is_done_now(string type, string op, string a, string b, string result) => Assert.That(
        Folded($"%2: {type} = {op} %0, %1", (type, a), (type, b)), Is.EqualTo($"{type} = constant {result}"));

    [TestCase("i32", "shl", "1", "33", "2")]
    [TestCase("i64", "shl", "1", "33", "8589934592")]
    [TestCase("i8", "shru", "-128", "7", "1")]
    [TestCase("i8", "shr", "-128", "15", "-1")]
    public void Shift_counts_are_taken_modulo_the_width(string type, string op, string a, string count, string result) => Assert.That(
        Folded($"%2: {type} = {op} %0, %1", (type, a), ("i32", count)), Is.EqualTo($"{type} = constant {result}"));

    [TestCase("eq", 0)]
    [TestCase("ne", 1)]
    [TestCase("lt", 0)]
    [TestCase("le", 0)]
    [TestCase("ltu", 1)]
    [TestCase("leu", 1)]
    public void Comparisons_with_nan_follow_ieee(string op, int result) => Assert.That(
        Folded($"%2: i1 = {op} %0, %1", ("f32", "NaN"), ("f32", "1")), Is.EqualTo($"i1 = constant {result}"));

    [TestCase("floattoint", "f32", "NaN", "i32", "0")]
    [TestCase("floattoint", "f32", "3E+09", "i32", "2147483647")]
    [TestCase("floattoint", "f64", "-1E+300", "i64", "-9223372036854775808")]
    [TestCase("floattoint", "f32", "-200.7", "i8", "-128")]
    [TestCase("floattounsigned", "f32", "-1", "i32", "0")]
    [TestCase("floattounsigned", "f64", "1E+19", "i64", "-8446744073709551616")]
    [TestCase("inttofloat", "i32", "16777217", "f32", "16777216")]
    [TestCase("unsignedtofloat", "i64", "-1", "f32", "1.8446744E+19")]
    [TestCase("unsignedtofloat", "i64", "-9223371487098961919", "f32", "9.223373E+18")]
    [TestCase("truncation", "i32", "255", "i8", "-1")]
    [TestCase("zeroextend", "i8", "-1", "i32", "255")]
    [TestCase("bitcast", "f32", "1", "i32", "1065353216")]
    [TestCase("floattobfloat16", "f32", "1.00390625", "i16", "16256")]
    [TestCase("bfloat16tofloat", "i16", "16256", "f32", "1")]
    [TestCase("floattohalf", "f32", "1", "i16", "15360")]
    public void Conversions_of_constants_saturate_and_round(string op, string from, string value, string to, string result)
    {
        IrFunction function = PassCheck.Parse($"""
            b0():
                %0: {from} = constant {value}
                %1: {to} = {op} %0
                return
            """);
        ConstantFolding.Run(function, new PassOptions());
        Assert.That(Last(function), Is.EqualTo($"{to} = constant {result}"));
    }

    [TestCase("i32", "div", "1", "0")]
    [TestCase("i32", "div", "-2147483648", "-1")]
    [TestCase("f32", "div", "0", "0")]
    public void What_is_undefined_or_nan_is_left(string type, string op, string a, string b) => Assert.That(
        Folded($"%2: {type} = {op} %0, %1", (type, a), (type, b)), Does.StartWith($"{type} = {op} "));

    [TestCase("add", "0")]
    [TestCase("sub", "0")]
    [TestCase("mul", "1")]
    [TestCase("and", "-1")]
    [TestCase("or", "0")]
    [TestCase("xor", "0")]
    [TestCase("div", "1")]
    public void Neutral_constants_disappear(string op, string neutral) => Assert.That(
        Simplified(1, "i32", $"%2: i32 = {op} %0, %1", neutral), Is.EqualTo("%0"));

    [TestCase("mul", "0", "i32 = constant 0")]
    [TestCase("and", "0", "i32 = constant 0")]
    [TestCase("or", "-1", "i32 = constant -1")]
    [TestCase("rem", "1", "i32 = constant 0")]
    [TestCase("divu", "8", "i32 = shru %0")]
    [TestCase("remu", "8", "i32 = and %0")]
    [TestCase("sub", "3", "i32 = add %0")]
    [TestCase("xor", "-1", "i32 = not %0")]
    public void Operations_with_some_constants_become_simpler(string op, string constant, string expected) => Assert.That(
        Simplified(1, "i32", $"%2: i32 = {op} %0, %1", constant), Does.StartWith(expected));

    [TestCase("add", "0", "f32 = add")]
    [TestCase("add", "-0", "%0")]
    [TestCase("sub", "0", "%0")]
    [TestCase("mul", "1", "%0")]
    [TestCase("mul", "0", "f32 = mul")]
    [TestCase("div", "4", "f32 = mul")]
    [TestCase("div", "3", "f32 = div")]
    public void Floats_are_only_changed_where_that_is_exact(string op, string constant, string expected) => Assert.That(
        Simplified(2, "f32", $"%2: f32 = {op} %0, %1", constant), Does.StartWith(expected));

    [Test]
    public void Built_ins_that_are_known_become_constants() => PassCheck.Becomes(
        ConstantFolding.Run,
        """
        b0():
            %0: i32 = builtin warpsize
            %1: ptr.global = parameter 0
            store align 4 %1, %0
            return
        """,
        """
        b0():
            %0: i32 = constant 32
            %1: ptr.global = parameter 0
            store align 4 %1, %0
            return
        """,
        new PassOptions { BuiltIns = new Dictionary<BuiltIn, int> { [BuiltIn.WarpSize] = 32 } });

    [Test]
    public void Truth_values_that_went_through_integers_are_found_again()
    {
        IrFunction function = PassCheck.Parse("""
            b0():
                %0: i1 = parameter 4
                %1: i32 = zeroextend %0
                %2: i32 = constant 0
                %3: i1 = eq %1, %2
                %4: i32 = zeroextend %3
                %5: i1 = eq %4, %2
                if %5 goto b1() else b2()
            b1():
                return
            b2():
                return
            """);
        ConstantFolding.Run(function, new PassOptions());
        Assert.That(((Branch)function.Entry.Terminator!).Condition, Is.SameAs(function.Entry.Instructions[0]));
    }

    [Test]
    public void The_opposite_of_a_float_comparison_is_true_for_nan()
    {
        IrFunction function = PassCheck.Parse("""
            b0():
                %0: f32 = parameter 2
                %1: f32 = constant 1
                %2: i1 = lt %0, %1
                %3: i1 = not %2
                return
            """);
        ConstantFolding.Run(function, new PassOptions());
        Assert.That(Last(function), Is.EqualTo("i1 = leu %1, %0"));
    }

    private static string Folded(string line, (string Type, string Value) a, (string Type, string Value) b)
    {
        IrFunction function = PassCheck.Parse($"""
            b0():
                %0: {a.Type} = constant {a.Value}
                %1: {b.Type} = constant {b.Value}
                {line}
                return
            """);
        ConstantFolding.Run(function, new PassOptions());
        return Last(function);
    }

    // the value that the third line has become: one of the two before it, or what the instruction is
    private static string Simplified(int number, string type, string line, string constant)
    {
        IrFunction function = PassCheck.Parse($"""
            b0():
                %0: {type} = parameter {number}
                %1: {type} = constant {constant}
                {line}
                %3: {type} = neg %2
                return
            """);
        Instruction user = function.Entry.Instructions[^1];
        ConstantFolding.Run(function, new PassOptions());
        var value = (Instruction)user.Operands[0];
        return value.Op == Op.Parameter ? "%0" : Line(function, value);
    }

    private static string Last(IrFunction function) => Line(function, function.Entry.Instructions[^1]);

    private static string Line(IrFunction function, Instruction instruction)
    {
        string[] lines = IrPrinter.Print(function).Split('\n');
        string line = lines[2 + function.Entry.Instructions.IndexOf(instruction)];
        return line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..];
    }
}
