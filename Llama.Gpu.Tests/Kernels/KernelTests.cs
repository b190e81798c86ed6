using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Every operation against its double-precision specification.</summary>
public sealed class KernelTests
{
    private static readonly Lazy<KernelSet> Sequential = new(() => new(TestAccelerators.Sequential));
    private static readonly Lazy<KernelSet> Sanitized = new(() => new(TestAccelerators.Sanitized));

    private static IEnumerable<TestCaseData> Full() => Cases(OpCaseLists.Full());

    private static IEnumerable<TestCaseData> Borders() => Cases(OpCaseLists.Borders());

    [TestCaseSource(nameof(Full))]
    public void Operation_agrees_one_lane_a_group(object opCase) =>
        Assert.That(((OpCase)opCase).Check(TestAccelerators.Sequential, Sequential.Value), Is.Null);

    [TestCaseSource(nameof(Borders))]
    public void Operation_agrees_and_is_clean_on_warps_of_32(object opCase) =>
        Assert.That(((OpCase)opCase).Check(TestAccelerators.Sanitized, Sanitized.Value), Is.Null);

    // the last two leave a part of a warp: 40 lanes in warps of 32, 5 lanes in warps of 4
    [TestCase(1, 32, 5)]
    [TestCase(1, 32, 32)]
    [TestCase(4, 4, 16)]
    [TestCase(32, 2, 1)]
    [TestCase(32, 2, 40)]
    [TestCase(4, 4, 5)]
    public void Operations_agree_with_any_size_of_group(int warpSize, int warps, int lanes)
    {
        using Accelerator accelerator = TestAccelerators.CreateSanitized(warpSize, warps);
        LaunchShapes shapes = LaunchShapes.For(accelerator);
        AttentionLaunch attention = shapes.Attention with { Lanes = lanes, Groups = 7 };
        shapes = shapes with { Lanes = lanes, Attention = attention, ProductLanes = lanes, WarpBlocks = 3, ElementsPerLane = 2 };
        var kernels = new KernelSet(accelerator, shapes);
        OpCase[] cases =
        [
            OpCases.Gather(3, 5, 33, TensorType.BFloat16),
            OpCases.Norm(2, 127, TensorType.Float16),
            OpCases.Matrix(5, 33, 35, TensorType.BFloat16),
            OpCases.Vector(17, 31, TensorType.BFloat16),
            OpCases.Vector(33, 1000, TensorType.Float16),
            OpCases.VectorAdded(17, 31, TensorType.Float32),
            OpCases.Qkv(33, 17, 127, TensorType.BFloat16),
            OpCases.GateUp(33, 127, TensorType.BFloat16),
            OpCases.Head(5, 17, 31, TensorType.Float32),
            OpCases.Bias(2, 33, TensorType.Float16),
            OpCases.Residual(3, 33),
            OpCases.Gate(3, 33),
            OpCases.Rotation(2, 3, 8, 5),
            OpCases.CacheAppend(3, 3, 8, 2, TensorType.BFloat16),
            OpCases.Scores(new(2, 31, 4, 2, 8), TensorType.BFloat16),
            OpCases.Softmax(new(2, 31, 4, 2, 8)),
            OpCases.WeightedSum(new(2, 31, 4, 2, 8), TensorType.BFloat16),
            OpCases.WeightedSum(new(1, 3, 1, 1, 128), TensorType.Float32),
            OpCases.Attend(new(2, 31, 4, 2, 8), TensorType.BFloat16),
            OpCases.Attend(new(1, 299, 3, 1, 128), TensorType.Float16),
            OpCases.Attend(new(3, 150, 3, 1, 16), TensorType.Float32, parts: 2),
            OpCases.Attend(new(3, 0, 1, 1, 6), TensorType.Float32),
            OpCases.Largest(127),
        ];
        Assert.That(cases.Select(opCase => opCase.Check(accelerator, kernels)), Is.All.Null);
    }

    private static IEnumerable<TestCaseData> Cases(IEnumerable<OpCase> cases) =>
        cases.Select(opCase => new TestCaseData(opCase).SetArgDisplayNames(opCase.ToString()));
}
