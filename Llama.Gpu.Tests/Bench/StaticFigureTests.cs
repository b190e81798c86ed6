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
        ("TensorCoreMatMul.bf16.Large", 64, 1, 1),
        ("TensorCoreMatMul.bf16.Wide", 32, 1, 1),
        ("TensorCoreMatMul.bf16.Square", 16, 1, 1),
        ("TensorCoreMatMul.bf16.Narrow", 8, 1, 1),
        ("TensorCoreAttention.bf16.Wide", 192, 1, 1.1),
        ("TensorCoreAttention.bf16.Narrow", 128, 1, 1.1),
        ("InputRounding", 0, 1, 1),
        ("WarpGroupMatMul", 4, 1, 1),
        ("WarpGroupAttention.bf16.Wide", 16, 1, 1),
        ("WarpGroupAttention.bf16.Narrow", 12, 1, 1.03),
        ("MatVec", 0, 1, 1),
        ("MatMul.bf16.FewTokens", 0, 1, 1),
        ("QkvProjection", 0, 1, 1.9),
        ("QkvAppend", 0, 1, 1.9),
        ("GateUpProjection", 0, 1, 1.95),
        ("Attention.bf16", 0, 1, 1.1),
    ];

    public static void KernelsKeepTheirFigures()
    {
        StaticCase[] cases = [.. StaticCases.OfType(TensorType.BFloat16), .. StaticCases.Untyped()];
        var launches = new LaunchRecorder(FakeDriverScenarios.Library).Record(cases);
        CatalogedKernel[] missing = [.. KernelCatalog.OfGpus.Where(kernel => IsOfModel(kernel) && !launches.ContainsKey(kernel))];
        var figures = launches.AsParallel().Select(found => (
            Kernel: found.Key,
            Code: CodeFigures.Of(found.Key, Architecture, found.Value.Launch),
            Accesses: AccessFigures.Of(found.Value.Launch),
            found.Value.Cost)).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(missing, Is.Empty, "a kernel that a model launches has a case");
            foreach (var (kernel, code, accesses, cost) in figures)
            {
                var bound = Array.Find(Bounds, bound => kernel.Name.StartsWith(bound.Kernel, StringComparison.Ordinal));
                string text = $"{kernel}: {code}, {accesses}, {cost}";
                TestContext.Out.WriteLine(text);
                Assert.That(code.Usage.SpillStoreBytes + code.Usage.SpillLoadBytes + code.Usage.StackBytes + code.LocalAccesses, Is.Zero, text);
                Assert.That(code.Occupancy.Warps, Is.GreaterThanOrEqualTo(8), text);
                Assert.That(code.Loop.Tensor, Is.GreaterThanOrEqualTo(bound.Tensor), text);
                Assert.That(code.Loop.GlobalWide, Is.GreaterThanOrEqualTo(bound.Wide * code.Loop.Global), text);
                Assert.That(accesses.Shared.Parts, Is.LessThanOrEqualTo((bound.Kernel is null ? MostPasses : bound.Passes) * accesses.Shared.Least), text);
                Assert.That(cost, Is.Not.Null, text);
            }
        });
    }

    // of a model in bf16, on a device with groups of 256 lanes
    private static bool IsOfModel(CatalogedKernel kernel) =>
        !new[] { ".f32", ".f16", ".OneLane", ".Small", nameof(HeadTriangles), nameof(HeadProducts), nameof(SingularValues) }
            .Any(other => kernel.Name.Contains(other, StringComparison.Ordinal));
}
