using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Reference;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Matrix products that round their input to the weight's type, against the specification in double precision.</summary>
internal static class RoundedMatMul
{
    public delegate void Run(AcceleratorStream stream, ProductInput input, WeightView weight, ArrayView<float> output, int outputSize);

    /// <summary>Runs a product of random matrices and compares every element.</summary>
    public static void Check(Accelerator accelerator, Run run, TensorType type, int tokens, int outputs, int inner)
    {
        var random = new Random(tokens + outputs + inner);
        float[] input = [.. Enumerable.Range(0, tokens * inner).Select(_ => (random.NextSingle() * 2) - 1)];
        double[] weight = [.. Enumerable.Range(0, outputs * inner).Select(_ => ReferenceOps.Round((random.NextSingle() * 2) - 1, type))];
        using var inputs = accelerator.Allocate1D(input);
        using var halves = accelerator.Allocate1D<Llama.Gpu.Jit.Half>([.. weight.Select(value => (Llama.Gpu.Jit.Half)(float)value)]);
        using var brains = accelerator.Allocate1D<BFloat16>([.. weight.Select(value => (BFloat16)(float)value)]);
        using var scratch = accelerator.Allocate1D<byte>(InputRounding.ScratchBytes(tokens, inner));
        using var output = accelerator.Allocate1D<float>([.. Enumerable.Repeat(7f, (tokens * outputs) + 9)]);
        run(
            accelerator.DefaultStream,
            new ProductInput(inputs.View, tokens, inner, scratch.View),
            type == TensorType.Float16 ? WeightView.Of(halves.View.BaseView) : WeightView.Of(brains.View.BaseView),
            output.View,
            outputs);
        float[] found = output.GetAsArray1D();
        double rounding = type == TensorType.Float16 ? Math.Pow(2, -11) : Math.Pow(2, -8);
        int far = 0;
        for (int t = 0; t < tokens; t++)
        {
            for (int n = 0; n < outputs; n++)
            {
                double exact = 0;
                double rounded = 0;
                double magnitude = 0;
                for (int k = 0; k < inner; k++)
                {
                    double factor = weight[(n * inner) + k];
                    exact += input[(t * inner) + k] * factor;
                    rounded += ReferenceOps.Round(input[(t * inner) + k], type) * factor;
                    magnitude += Math.Abs(input[(t * inner) + k] * factor);
                }

                // to the specification as stated; to the product of the rounded input as sums of f32 are
                double value = found[(t * outputs) + n];
                double sums = (inner + 16) * Math.Pow(2, -22) * magnitude;
                far += Math.Abs(value - exact) <= (rounding * magnitude) + sums && Math.Abs(value - rounded) <= sums ? 0 : 1;
            }
        }

        Assert.Multiple(() =>
        {
            Assert.That(far, Is.Zero, "results beyond the tolerance");
            Assert.That(found[(tokens * outputs)..], Is.All.EqualTo(7f), "what lies behind the output");
        });
    }
}
