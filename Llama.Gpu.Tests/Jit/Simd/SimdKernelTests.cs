using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>Every operation of the transformer on vectors of every width, against its double-precision specification.</summary>
public sealed class SimdKernelTests
{
    private static readonly Dictionary<int, Lazy<KernelSet>> Sets =
        SimdAccelerators.Widths.ToDictionary(bits => bits, bits => new Lazy<KernelSet>(() => new(SimdAccelerators.Of(bits))));

    private static IEnumerable<TestCaseData> Borders() =>
        from opCase in OpCaseLists.Borders()
        from bits in SimdAccelerators.Widths
        select new TestCaseData(bits, opCase).SetArgDisplayNames(bits.ToString(), opCase.ToString());

    [TestCaseSource(nameof(Borders))]
    public void Operation_agrees(int bits, object opCase) =>
        Assert.That(((OpCase)opCase).Check(SimdAccelerators.Of(bits), Sets[bits].Value), Is.Null);

    // 40 and 5 lanes leave a part of a vector
    [Test]
    public void Operations_agree_with_any_size_of_group(
        [ValueSource(typeof(SimdAccelerators), nameof(SimdAccelerators.Widths))] int bits, [Values(1, 5, 16, 32, 40)] int lanes)
    {
        Accelerator accelerator = SimdAccelerators.Of(bits);
        lanes = Math.Min(lanes, 32 * accelerator.WarpSize);
        var attention = new AttentionLaunch(lanes, lanes > 16 ? AttentionTile.Wide : AttentionTile.Narrow, Groups: 7);
        LaunchShapes shapes = LaunchShapes.For(accelerator);
        shapes = shapes with { Lanes = lanes, Attention = attention, ProductLanes = lanes, WarpBlocks = 3, ElementsPerLane = 2 };
        var kernels = new KernelSet(accelerator, shapes);
        Assert.That(OpCaseLists.OfAnyGroup().Select(opCase => opCase.Check(accelerator, kernels)), Is.All.Null);
    }
}
