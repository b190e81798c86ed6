using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.TensorCores;
using Llama.Gpu.Tests.Reference;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>The matrix product on tensor cores against the specification in double precision.</summary>
public sealed class TensorCoreMatMulTests
{
    private static readonly TensorType[] Types = [TensorType.Float16, TensorType.BFloat16];

    // shapes that end within chunks, slices and tiles, of which rows are aligned or are not; on cpu a wide tile takes seconds
    private static IEnumerable<TestCaseData> Small() =>
        from type in Types
        from shape in (int[][])[[1, 1, 1], [33, 65, 8], [5, 9, 40], [3, 70, 33]]
        select new TestCaseData(type, shape[0], shape[1], shape[2]);

    private static IEnumerable<TestCaseData> Shapes() =>
        from type in Types
        from shape in (int[][])[[1, 1, 1], [2, 3, 7], [33, 65, 31], [64, 64, 32], [65, 129, 104], [128, 128, 64], [130, 257, 97], [200, 40, 1000]]
        select new TestCaseData(type, shape[0], shape[1], shape[2]);

    [TestCaseSource(nameof(Small))]
    public void Product_agrees_and_is_clean_on_cpu(TensorType type, int tokens, int outputs, int inner) =>
        Check(TensorAccelerators.Of("cpu"), type, tokens, outputs, inner);

    [TestCaseSource(nameof(Shapes))]
    public void Product_agrees_on_simd(TensorType type, int tokens, int outputs, int inner) =>
        Check(TensorAccelerators.Of("simd 512"), type, tokens, outputs, inner);

    [TestCase(256)]
    [TestCase(128)]
    [TestCase(32)]
    public void Product_agrees_on_vectors_of(int bits) => Check(TensorAccelerators.Of($"simd {bits}"), TensorType.BFloat16, 70, 66, 40);

    [Test]
    public void Wide_tile_is_clean_on_cpu() => Check(TensorAccelerators.Of("cpu"), TensorType.BFloat16, 65, 3, 72);

    [Test]
    public void Weight_that_begins_between_chunks_is_multiplied_too()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        using var input = accelerator.Allocate1D<float>([.. Enumerable.Range(0, 3 * 16).Select(i => (float)(i % 7))]);
        using var weight = accelerator.Allocate1D<BFloat16>([.. Enumerable.Range(0, (5 * 16) + 1).Select(i => (BFloat16)(i % 5))]);
        using var output = accelerator.Allocate1D<float>(15);
        new TensorCoreMatMul(accelerator).Run(
            accelerator.DefaultStream, input.View, WeightView.Of(weight.View.SubView(1, 80)), output.View, 3, 5, 16);
        Assert.That(output.GetAsArray1D(), Is.EqualTo(
            from t in Enumerable.Range(0, 3)
            from n in Enumerable.Range(0, 5)
            select (float)Enumerable.Range(0, 16).Sum(k => ((t * 16) + k) % 7 * (((n * 16) + k + 1) % 5))));
    }

    [Test]
    public void MatMul_takes_tensor_cores_by_the_launch_shapes()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        LaunchShapes shapes = LaunchShapes.For(accelerator);
        float[] values = [1 + (1f / 1024), 0, 0, 0, 0, 0, 0, 0];
        using var input = accelerator.Allocate1D(values);
        using var single = accelerator.Allocate1D(values);
        using var brain = accelerator.Allocate1D<BFloat16>([.. values.Select(value => (BFloat16)value)]);
        using var output = accelerator.Allocate1D<float>(1);
        float Run(LaunchShapes chosen, WeightView weight)
        {
            new MatMul(accelerator, chosen).Run(accelerator.DefaultStream, input.View, weight, output.View, 1, 1, 8);
            return output.GetAsArray1D()[0];
        }

        // what rounds the input shows which kernel it was
        Assert.Multiple(() =>
        {
            Assert.That(shapes.TensorCores, Is.False);
            Assert.That(Run(shapes, WeightView.Of(brain.View.BaseView)), Is.EqualTo(values[0]));
            Assert.That(Run(shapes with { TensorCores = true }, WeightView.Of(brain.View.BaseView)), Is.EqualTo(1));
            Assert.That(Run(shapes with { TensorCores = true }, WeightView.Of(single.View.BaseView)), Is.EqualTo(values[0] * values[0]));
        });
    }

    [Test]
    public void Weight_of_f32_is_refused()
    {
        Accelerator accelerator = TensorAccelerators.Of("cpu");
        using var data = accelerator.Allocate1D<float>(16);
        Assert.That(
            () => new TensorCoreMatMul(accelerator).Run(accelerator.DefaultStream, data.View, WeightView.Of(data.View.BaseView), data.View, 1, 1, 16),
            Throws.ArgumentException.With.Message.Contains("Float16 or BFloat16"));
    }

    [TestCase(0, 1, 16, "tokenCount")]
    [TestCase(1, 0, 16, "outputSize")]
    [TestCase(1, 1, 0, "inputSize")]
    [TestCase(1, 2, 16, "weight")]
    [TestCase(2, 1, 16, "input")]
    public void Wrong_shapes_are_refused(int tokens, int outputs, int inner, string argument)
    {
        Accelerator accelerator = TensorAccelerators.Of("cpu");
        using var data = accelerator.Allocate1D<float>(16);
        using var weight = accelerator.Allocate1D<BFloat16>(16);
        Assert.That(
            () => new TensorCoreMatMul(accelerator).Run(
                accelerator.DefaultStream, data.View, WeightView.Of(weight.View.BaseView), data.View, tokens, outputs, inner),
            Throws.ArgumentException.With.Property("ParamName").EqualTo(argument));
    }

    internal static void Check(Accelerator accelerator, TensorType type, int tokens, int outputs, int inner)
    {
        var random = new Random(tokens + outputs + inner);
        float[] input = [.. Enumerable.Range(0, tokens * inner).Select(_ => (random.NextSingle() * 2) - 1)];
        double[] weight = [.. Enumerable.Range(0, outputs * inner).Select(_ => ReferenceOps.Round((random.NextSingle() * 2) - 1, type))];
        using var inputs = accelerator.Allocate1D(input);
        using var halves = accelerator.Allocate1D<Llama.Gpu.Jit.Half>([.. weight.Select(value => (Llama.Gpu.Jit.Half)(float)value)]);
        using var brains = accelerator.Allocate1D<BFloat16>([.. weight.Select(value => (BFloat16)(float)value)]);
        using var output = accelerator.Allocate1D<float>([.. Enumerable.Repeat(7f, (tokens * outputs) + 9)]);
        new TensorCoreMatMul(accelerator).Run(
            accelerator.DefaultStream, inputs.View, type == TensorType.Float16 ? WeightView.Of(halves.View.BaseView) : WeightView.Of(brains.View.BaseView),
            output.View, tokens, outputs, inner);
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
