using Llama.Gpu.Bench.StaticAnalysis;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>NVIDIA's assembler, where this machine has it; a test that asks for it elsewhere is ignored.</summary>
internal static class PtxAssembler
{
    /// <summary>Ends the test as ignored if there is no assembler.</summary>
    public static void Require()
    {
        if (NvidiaTools.Assembler is null)
        {
            Assert.Ignore($"ptxas is not here; .ci/run brings it, or {NvidiaTools.Variable} names it");
        }
    }

    /// <summary>Assembles a module with one kernel and says what it takes.</summary>
    public static ResourceUsage Assemble(string text, string architecture) => Tried(text, architecture, disassembled: false).Usage;

    /// <summary>The machine code of a module, as text.</summary>
    public static string Disassemble(string text, string architecture) => Tried(text, architecture, disassembled: true).Code;

    private static AssembledKernel Tried(string text, string architecture, bool disassembled)
    {
        Require();
        try
        {
            AssembledKernel kernel = NvidiaTools.Assemble(text, architecture, disassembled);
            Assert.That(kernel.Messages, Does.Not.Contain("Potential Performance Loss").And.Not.Contain("setmaxnreg"), "what the assembler gives up");
            return kernel;
        }
        catch (AssemblerException exception)
        {
            throw new AssertionException($"{exception.Message}\n{text}");
        }
    }
}
