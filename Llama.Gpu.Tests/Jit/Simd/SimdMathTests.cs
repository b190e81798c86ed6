using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>Functions that this project computes in vectors itself.</summary>
public sealed class SimdMathTests
{
    private const int Count = 1 << 18;

    [Test]
    public void Exp_is_within_one_unit_in_the_last_place([Values(512, 256, 128)] int bits)
    {
        // every 0.0008 from where the result is 0 to where it is infinite
        float[] values = [.. Enumerable.Range(0, Count).Select(i => -110f + (i * (200f / Count)))];
        float[] found = Run(bits, values);
        double worst = values.Zip(found, (value, result) =>
        {
            double expected = Math.Exp(value);
            float size = (float)expected;
            return float.IsInfinity(size) || float.IsInfinity(result)
                ? (size.Equals(result) ? 0 : double.PositiveInfinity)
                : Math.Abs(result - expected) / (MathF.BitIncrement(size) - size);
        }).Max();
        TestContext.Out.WriteLine($"largest error: {worst:F3} units in the last place");
        Assert.That(worst, Is.LessThanOrEqualTo(1));
    }

    [Test]
    public void Exp_of_what_is_no_number_or_too_large_is_that_of_the_host([Values(512, 256, 128)] int bits)
    {
        float[] values = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0f, -0f, float.MaxValue, float.MinValue, float.Epsilon, 88.7229f, -150f];
        Assert.That(Run(bits, values), Is.EqualTo(values.Select(MathF.Exp)));
    }

    private static float[] Run(int bits, float[] values)
    {
        Accelerator accelerator = SimdAccelerators.Of(bits);
        using var input = accelerator.Allocate1D(values);
        using var output = accelerator.Allocate1D<float>(values.Length);
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>>(Exponential);
        const int Lanes = 64;
        kernel(accelerator.DefaultStream, new KernelConfig((values.Length + Lanes - 1) / Lanes, 1, 1, Lanes, 1, 1), input.View, output.View);
        return output.GetAsArray1D();
    }

    private static void Exponential(ArrayView<float> input, ArrayView<float> output)
    {
        int at = (Grid.IdxX * Group.DimX) + Group.IdxX;
        if (at < output.Length)
        {
            output[at] = XMath.Exp(input[at]);
        }
    }
}
