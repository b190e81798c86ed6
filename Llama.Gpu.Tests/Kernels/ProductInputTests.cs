using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.TensorCores;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Several products of one input: its form is made by the first, and again only where another one is wanted.</summary>
public class ProductInputTests
{
    private const int Tokens = 70;
    private const int Depth = 24;
    private const int Columns = 5;

    private static Accelerator Shared => TensorAccelerators.Of("simd 512");

    [TestCase(false)]
    [TestCase(true)]
    public void Second_product_finds_the_form(bool warpGroups)
    {
        using var input = Shared.Allocate1D(Values(0));
        using var weight = Shared.Allocate1D<BFloat16>([.. Enumerable.Range(0, Columns * Depth).Select(i => (BFloat16)(i % 3))]);
        using var output = Shared.Allocate1D<float>(Tokens * Columns);
        MatMul product = Product(warpGroups);
        using var scratch = Shared.Allocate1D<byte>(product.ScratchBytes(TensorType.BFloat16, Tokens, Depth));
        float[] Run(ProductInput from)
        {
            product.Run(Shared.DefaultStream, from, WeightView.Of(weight.View.BaseView), output.View, Columns);
            return output.GetAsArray1D();
        }

        var shared = new ProductInput(input.View, Tokens, Depth, scratch.View);
        float[] first = Run(shared);

        // nobody may do this: it shows that the second product does not read the values again
        input.CopyFromCPU(Values(1));
        float[] second = Run(shared);
        float[] other = Run(new ProductInput(input.View, Tokens, Depth, scratch.View));
        Assert.Multiple(() =>
        {
            Assert.That(second, Is.EqualTo(first));
            Assert.That(other, Is.Not.EqualTo(first));
        });
    }

    [Test]
    public void Weights_of_two_types_have_each_the_form_of_theirs()
    {
        // 1 + 2^-9 is a number of f16, and 1 in bf16
        using var input = Shared.Allocate1D<float>([.. Enumerable.Repeat(1 + (1f / 512), Tokens * Depth)]);
        using var halves = Shared.Allocate1D<Llama.Gpu.Jit.Half>([.. Enumerable.Repeat((Llama.Gpu.Jit.Half)1f, Depth)]);
        using var brains = Shared.Allocate1D<BFloat16>([.. Enumerable.Repeat((BFloat16)1f, Depth)]);
        using var output = Shared.Allocate1D<float>(Tokens);
        MatMul product = Product(warpGroups: true);
        using var scratch = Shared.Allocate1D<byte>(product.ScratchBytes(TensorType.BFloat16, Tokens, Depth));
        var shared = new ProductInput(input.View, Tokens, Depth, scratch.View);
        float Run(WeightView weight)
        {
            product.Run(Shared.DefaultStream, shared, weight, output.View, 1);
            return output.GetAsArray1D()[0];
        }

        WeightView half = WeightView.Of(halves.View.BaseView);
        WeightView brain = WeightView.Of(brains.View.BaseView);
        Assert.That(
            (float[])[Run(brain), Run(half), Run(brain)], Is.EqualTo((float[])[Depth, Depth * (1 + (1f / 512)), Depth]));
    }

    private static float[] Values(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Tokens * Depth).Select(_ => random.NextSingle() - 0.5f)];
    }

    private static MatMul Product(bool warpGroups) => new(
        Shared, LaunchShapes.For(Shared) with { FewTokens = 0, TensorCores = warpGroups, WarpGroups = warpGroups });
}
