using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Passes;

/// <summary>Random functions write the same memory before the pipeline and after each of its passes.</summary>
public sealed class PreservationTests
{
    private const int Functions = 100;

    [Test]
    public void Every_pass_leaves_what_random_functions_write([Range(0, 3)] int part)
    {
        for (int seed = part * Functions; seed < (part + 1) * Functions; seed++)
        {
            IrFunction function = RandomFunctions.Make(seed);
            IrVerifier.Check(function, "generation");
            string previous = IrPrinter.Print(function);
            byte[] expected = Run(function, seed);
            PassPipeline.Run(function, new PassOptions
            {
                Verify = true,
                Multiples = new Dictionary<int, int> { [0] = 16 },
                AfterPass = (pass, now) =>
                {
                    string text = IrPrinter.Print(now);
                    if (text != previous)
                    {
                        Assert.That(Run(now, seed).SequenceEqual(expected), Is.True, () => $"seed {seed}, {pass}\n{previous}\n=>\n{text}");
                        previous = text;
                    }
                },
            });
        }
    }

    // alone, a pass meets what another would have taken away before it
    [TestCaseSource(nameof(PassNames))]
    public void A_pass_alone_leaves_what_random_functions_write(string name)
    {
        Pass pass = PassPipeline.Passes.First(pass => pass.Name == name);
        var options = new PassOptions { Multiples = new Dictionary<int, int> { [0] = 16 } };
        for (int seed = 10_000; seed < 10_000 + Functions; seed++)
        {
            IrFunction function = RandomFunctions.Make(seed);
            string before = IrPrinter.Print(function);
            byte[] expected = Run(function, seed);
            pass.Run(function, options);
            IrVerifier.Check(function, name);
            Assert.That(Run(function, seed).SequenceEqual(expected), Is.True, () => $"seed {seed}\n{before}\n=>\n{IrPrinter.Print(function)}");
        }
    }

    private static IEnumerable<string> PassNames() => PassPipeline.Passes.Select(pass => pass.Name).Distinct();

    private static byte[] Run(IrFunction function, int seed)
    {
        var random = new Random(seed);
        var memory = new byte[RandomFunctions.Bytes];
        random.NextBytes(memory);
        new LaneInterpreter(function, memory).Run(LaneInterpreter.Global(0), random.Next(100));
        return memory;
    }
}
