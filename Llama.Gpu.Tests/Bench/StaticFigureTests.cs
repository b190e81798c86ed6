using Llama.Gpu.Bench.StaticAnalysis;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.Cuda;
using Llama.Gpu.Tests.Jit.Ptx;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Bench;

/// <summary>Figures of the kernels that a bf16 model launches do not get worse: ignored where there is no ptxas or no C compiler.</summary>
[NonParallelizable]
public sealed class StaticFigureTests
{
    [Test]
    public void Kernels_of_a_model_keep_their_figures()
    {
        PtxAssembler.Require();
        FakeDriver.Run(typeof(StaticFigureScenario).FullName!, nameof(StaticFigureScenario.KernelsKeepTheirFigures));
    }
}

/// <summary>Runs beside the driver without a device (<see cref="FakeDriver"/>).</summary>
public static class StaticFigureScenario
{
    private const string Architecture = "sm_90a";

    // what no kernel may exceed that is not named below: passes over the banks of shared memory by the fewest possible
    private const double MostPasses = 1.5;

    // by the beginning of a kernel's name: tensor-core instructions of the main loop at least, share of wide accesses of global memory
    // in it at least, passes at most
    private static readonly (string Kernel, int Tensor, double Wide, double Passes)[] Bounds =
    [
        ("TensorCoreMatMul.bf16.Wide", 32, 0.3, 1.1),
        ("TensorCoreMatMul.bf16.Narrow", 8, 0.3, 1.1),
        ("MatVec", 0, 1, 1),
        ("QkvProjection", 0, 1, 1.9),
        ("GateUpProjection", 0, 1, 1.95),
        ("Attention.bf16.Wide8", 0, 1, 1.9),
    ];

    public static void KernelsKeepTheirFigures()
    {
        StaticCase[] cases = [.. StaticCases.OfType(TensorType.BFloat16), .. StaticCases.Untyped()];
        var launches = new LaunchRecorder(FakeDriverScenarios.Library).Record(cases);
        Assert.That(launches, Has.Count.GreaterThan(20));
        Assert.Multiple(() =>
        {
            foreach ((CatalogedKernel kernel, (RecordedLaunch launch, _)) in launches)
            {
                CodeFigures code = CodeFigures.Of(kernel, Architecture, launch);
                AccessFigures accesses = AccessFigures.Of(launch);
                var bound = Array.Find(Bounds, bound => kernel.Name.StartsWith(bound.Kernel, StringComparison.Ordinal));
                string figures = $"{kernel}: {code}, {accesses}";
                TestContext.Out.WriteLine(figures);
                Assert.That(code.Usage.SpillStoreBytes + code.Usage.SpillLoadBytes + code.Usage.StackBytes + code.LocalAccesses, Is.Zero, figures);
                Assert.That(code.Occupancy.Warps, Is.GreaterThanOrEqualTo(8), figures);
                Assert.That(code.Loop.Tensor, Is.GreaterThanOrEqualTo(bound.Tensor), figures);
                Assert.That(code.Loop.GlobalWide, Is.GreaterThanOrEqualTo(bound.Wide * code.Loop.Global), figures);
                Assert.That(accesses.Shared.Parts, Is.LessThanOrEqualTo((bound.Kernel is null ? MostPasses : bound.Passes) * accesses.Shared.Least), figures);
            }
        });
    }
}
