using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Reference;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Operations at the borders of their numbers: ties, infinities, NaN, overflow, results in place of operands.</summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class EdgeValueTests(bool manyLanes)
{
    private static readonly double[] Softmaxed = [0, 1, 0, 0.5, 0, 0.5];
    private static readonly double[] Gated = [0, 0, 0, 200, 2f * 1e30f];

    private readonly Accelerator _accelerator = manyLanes ? TestAccelerators.Sanitized : TestAccelerators.Sequential;
    private readonly KernelSet _kernels = new(manyLanes ? TestAccelerators.Sanitized : TestAccelerators.Sequential);

    private AcceleratorStream Stream => _accelerator.DefaultStream;

    [TestCase(new[] { 3f }, 0)]
    [TestCase(new[] { 1f, 5f, 5f, 2f, 5f }, 1)]
    [TestCase(new[] { -2f, -1f, -1f }, 1)]
    [TestCase(new[] { float.NaN, -7f, float.NaN, -8f }, 1)]
    [TestCase(new[] { float.NaN, float.NaN }, 0)]
    [TestCase(new[] { float.NegativeInfinity, float.NegativeInfinity }, 0)]
    [TestCase(new[] { float.NaN, float.NegativeInfinity }, 1)]
    [TestCase(new[] { 1f, float.PositiveInfinity, float.PositiveInfinity }, 1)]
    [TestCase(new[] { -0f, 0f }, 0)]
    public void ArgMax_takes_the_lowest_of_the_largest_numbers(float[] values, int expected) =>
        Assert.That(ArgMax(values), Is.EqualTo(expected));

    [Test]
    public void ArgMax_finds_ties_across_lanes_and_warps([Values(0, 1, 31, 32, 127, 128, 500)] int first)
    {
        var values = new float[1000];
        values[first] = values[first + 37] = values[999] = 1f;
        Assert.That(ArgMax(values), Is.EqualTo(first));
    }

    [Test]
    public void Softmax_does_not_overflow_and_masks_whatever_was_there()
    {
        using var data = new OpData(_accelerator, _kernels);
        var shape = new AttentionShape(2, 1, 1, 1, 2);
        var scores = data.Upload([88f, 1e30f, float.NaN, -1e30f, float.NegativeInfinity, -1e30f]);
        _kernels.CausalSoftmax.Run(Stream, scores, shape);
        Assert.That(OpData.Read(scores), Is.EqualTo(Softmaxed));
    }

    [Test]
    public void SwiGlu_saturates()
    {
        using var data = new OpData(_accelerator, _kernels);
        var gate = data.Upload([-1e4f, -100f, 0f, 100f, 1e30f]);
        var up = data.Upload([2f, 2f, 2f, 2f, 2f]);
        _kernels.SwiGlu.Run(Stream, gate, up, gate, 1, 5);
        Assert.That(OpData.Read(gate), Is.EqualTo(Gated));
    }

    [Test]
    public void RmsNorm_of_zeros_is_zero_and_works_in_place()
    {
        using var data = new OpData(_accelerator, _kernels);
        var zeros = data.Upload(new float[40]);
        var input = data.Floats(40, scale: 1e-3);
        var weight = data.Weights(TensorType.BFloat16, 20);
        _kernels.RmsNorm.Run(Stream, zeros, weight.View, zeros, 2, 20, 1e-5f);
        _kernels.RmsNorm.Run(Stream, input.View, weight.View, input.View, 2, 20, 1e-5f);
        Assert.That(OpData.Read(zeros), Is.All.Zero);
        Assert.That(
            OpData.Read(input.View),
            Is.EqualTo(ReferenceOps.RmsNorm(input.Values, weight.Values, 20, 1e-5f)).Within(1e-6));
    }

    [TestCase(TensorType.Float16)]
    [TestCase(TensorType.BFloat16)]
    public void Cache_rounds_to_nearest_even_with_subnormals_and_overflow(TensorType type)
    {
        double[] values =
        [
            0, 1, 1.00390625, 1.01171875, 1.00048828125, 1.00146484375, 65504, 65519.99, 65520, 3.3895e38, float.MaxValue,
            5.9604644775390625e-8, 2.98e-8, 8.94e-8, 6.0975e-5, 1e-40, 9.2e-41, 1.4e-45, float.PositiveInfinity, Math.PI,
        ];
        values = [.. values, .. values.Select(value => -value)];
        using var data = new OpData(_accelerator, _kernels);
        var input = data.Floats(values);
        var keys = data.Floats(new double[values.Length]);
        var angles = data.Floats(new double[values.Length / 2]);
        var keyCache = data.Weights(type, values.Length);
        var valueCache = data.Weights(type, values.Length);
        var shape = new AttentionShape(1, 0, 1, 1, values.Length);
        _kernels.KeyValueCacheAppend.Run(Stream, keys.View, input.View, angles.View, angles.View, keyCache.View, valueCache.View, shape);
        Assert.That(OpData.Read(valueCache.View), Is.EqualTo(input.Values.Select(value => ReferenceOps.Round(value, type))));
    }

    [Test]
    public void Operands_may_lie_inside_longer_buffers()
    {
        using var data = new OpData(_accelerator, _kernels);
        var input = data.Floats(5 * 33);
        var weights = data.Weights(TensorType.BFloat16, 9 * 33);
        var output = data.Output(5 * 9, before: 7f);
        var scratch = data.Scratch(_kernels.MatMul.ScratchBytes(TensorType.BFloat16, 3, 33));
        _kernels.MatMul.Run(Stream, input.View.SubView(33), weights.View.Slice(2 * 33, 7 * 33), output.SubView(9), 3, 7, 33, scratch);

        double[] expected = ReferenceOps.MatMul(input.Values[33..(4 * 33)], weights.Values[(2 * 33)..], 7, 33);
        double[] actual = OpData.Read(output);
        Assert.That(actual[9..30], Is.EqualTo(expected).Within(4e-5));
        Assert.That(actual[..9].Concat(actual[30..]), Is.All.EqualTo(7.0));
    }

    [Test]
    public void Same_operands_give_the_same_bits()
    {
        double[] first = Logits();
        Assert.That(Logits(), Is.EqualTo(first));
    }

    private double[] Logits()
    {
        using var data = new OpData(_accelerator, _kernels);
        OpRun run = OpCases.Head(3, 17, 127, TensorType.Float16).Prepare(data);
        run.Launch(Stream);
        return run.Actual();
    }

    private int ArgMax(float[] values)
    {
        using var data = new OpData(_accelerator, _kernels);
        var result = data.Upload([-1]);
        _kernels.ArgMax.Run(Stream, data.Upload(values), result, values.Length);
        return result.GetAsArray()[0];
    }
}
