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
}
