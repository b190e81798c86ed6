using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Passes;

/// <summary>Golden tests of one pass: the function's blocks before, and after.</summary>
internal static class PassCheck
{
    private const string Head = "kernel K(data: ptr.global, n: i32, x: f32, m: i64, truth: i1)\n";

    /// <summary>Runs a pass on a function of <c>data</c>, <c>n</c>, <c>x</c>, <c>m</c> and <c>truth</c>, and compares what it becomes.</summary>
    public static void Becomes(Action<IrFunction, PassOptions> pass, string before, string after, PassOptions? options = null)
    {
        IrFunction function = IrText.Parse(Head + before);
        pass(function, options ?? new PassOptions());
        IrVerifier.Check(function, "the pass");
        Assert.That(IrPrinter.Print(function), Is.EqualTo(IrPrinter.Print(Parse(after))));
    }

    public static void Stays(Action<IrFunction, PassOptions> pass, string text, PassOptions? options = null) =>
        Becomes(pass, text, text, options);

    public static IrFunction Parse(string blocks)
    {
        IrFunction function = IrText.Parse(Head + blocks);
        IrVerifier.Check(function, "reading");
        return function;
    }
}
