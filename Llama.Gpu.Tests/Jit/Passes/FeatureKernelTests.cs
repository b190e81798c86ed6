using System.Reflection;
using System.Runtime.InteropServices;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using Llama.Gpu.Tests.Jit.Frontend;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Passes;

/// <summary>The kernels of every language feature write the same memory after the pipeline, wide loads and stores included.</summary>
public sealed class FeatureKernelTests
{
    private const int Groups = 4;
    private const int Lanes = 8;
    private const int InputBytes = 512;
    private const int OutputBytes = Groups * Lanes * 16 * 4;

    private static IEnumerable<string> Kernels() => typeof(FeatureKernels)
        .GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Select(method => method.Name);

    [TestCaseSource(nameof(Kernels))]
    public void The_pipeline_leaves_what_a_kernel_writes(string name)
    {
        IrFunction function = KernelFrontend.Compile(typeof(FeatureKernels).GetMethod(name)!, new FrontendOptions());
        byte[] expected = Run(function);
        PassPipeline.Run(function, new PassOptions
        {
            Verify = true,
            Multiples = new Dictionary<int, int> { [0] = 16, [2] = 16 },
            AfterPass = (pass, now) => Assert.That(Run(now).SequenceEqual(expected), Is.True, () => $"{name} after {pass}\n{IrPrinter.Print(now)}"),
        });
        Assert.That(expected.AsSpan(InputBytes).ContainsAnyExcept((byte)0), Is.True);
    }

    private static byte[] Run(IrFunction function)
    {
        var memory = new byte[InputBytes + OutputBytes];
        int[] edges = [0, 1, -1, 2, 7, -8, 127, -128, 255, 32767, 65536, int.MaxValue, int.MinValue, 0x3FC00000, 0x7F800000, 0x7FC00000, 31, 32, 33, 64];
        int[] input = [.. edges, .. Enumerable.Range(0, (InputBytes / 4) - edges.Length).Select(i => unchecked((int)(0x9E3779B9u * (uint)(i + 1)) >> (i % 29)))];
        MemoryMarshal.AsBytes(input.AsSpan()).CopyTo(memory);
        for (int group = 0; group < Groups; group++)
        {
            var interpreter = new LaneInterpreter(function, memory)
            {
                BuiltIns =
                {
                    [BuiltIn.GridDimX] = Groups, [BuiltIn.GroupDimX] = Lanes, [BuiltIn.WarpSize] = Lanes, [BuiltIn.GroupX] = group,
                    [BuiltIn.DynamicSharedBytes] = 48,
                },
            };
            for (int lane = 0; lane < Lanes; lane++)
            {
                interpreter.BuiltIns[BuiltIn.LaneX] = lane;
                interpreter.Run(LaneInterpreter.Global(0), InputBytes / 4, LaneInterpreter.Global(InputBytes), OutputBytes / 4);
            }
        }

        return memory;
    }
}
