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
        Assert.That(OpCaseLists.OfAnyGroup().Select(opCase => opCase.Check(accelerator, kernels)), Is.All.Null);
    }

    private static IEnumerable<TestCaseData> Cases(IEnumerable<OpCase> cases) =>
        cases.Select(opCase => new TestCaseData(opCase).SetArgDisplayNames(opCase.ToString()));
}
