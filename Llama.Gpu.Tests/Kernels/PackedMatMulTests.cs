using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Backends.Simd;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Simd;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>The matrix product for vectors where its panels, slices and blocks end.</summary>
public sealed class PackedMatMulTests
{
    // tokens: around a block and a panel of 128; columns: around a block, a vector and a group; depth: around slices of 128
    private static readonly (int T, int N, int K)[] Cases =
        [(1, 1, 1), (2, 7, 127), (17, 9, 129), (33, 13, 300), (128, 40, 64), (131, 50, 260), (5, 530, 31)];

    // the same around the ends of the small tile: blocks of 8 tokens by 3 columns, panels of 16, slices of 8
    private static readonly (int T, int N, int K)[] SmallCases = [(1, 1, 1), (8, 3, 8), (9, 7, 9), (17, 20, 27), (16, 33, 4)];

    [Test]
    public void Product_agrees_on_vectors([Values] TensorType type, [Values(512, 256, 128)] int bits)
    {
        Accelerator accelerator = SimdAccelerators.Of(bits);
        var kernels = new KernelSet(accelerator, LaunchShapes.For(accelerator) with { FewTokens = 0 });
        Assert.That(Cases.Select(size => OpCases.Matrix(size.T, size.N, size.K, type).Check(accelerator, kernels)), Is.All.Null);
    }

    [Test]
    public void Product_agrees_where_every_access_is_watched([Values] TensorType type)
    {
        Accelerator accelerator = TestAccelerators.CreateSanitized(4, 1);
        var kernels = new KernelSet(accelerator, LaunchShapes.For(accelerator) with { FewTokens = 0, Tile = MatMulTile.PackedSmall });
        Assert.That(SmallCases.Select(size => OpCases.Matrix(size.T, size.N, size.K, type).Check(accelerator, kernels)), Is.All.Null);
    }

    [Test]
    public void A_group_has_as_much_shared_memory_as_a_vector_device_states()
    {
        int most = new SimdDevice().MaxSharedMemoryPerGroup;
        Assert.That(
            new[] { PackedMatMul.SharedBytes<Packed4Tile>(), PackedMatMul.SharedBytes<Packed8Tile>(), PackedMatMul.SharedBytes<Packed16Tile>() },
            Is.All.LessThanOrEqualTo(most));
    }

    [Test]
    public void Bits_do_not_depend_on_the_number_of_threads()
    {
        float[][] found = [.. new[] { 1, 2, 5 }.Select(threads =>
        {
            using Context context = Context.Create(builder => builder.Simd(new SimdDevice(0, threads)));
            using Accelerator accelerator = context.CreateSimdAccelerator(0);
            return Multiply(accelerator, 37, 300, 200);
        })];
        Assert.That(found, Is.All.EqualTo(found[0]));
    }

    [Test]
    public void Short_scratch_is_refused()
    {
        Accelerator accelerator = SimdAccelerators.Of(VectorIsa.HostBits);
        var product = new MatMul(accelerator);
        using var buffer = accelerator.Allocate1D<float>(32 * 20);
        using var scratch = accelerator.Allocate1D<byte>(80);
        ArrayView<float> view = buffer.View.BaseView;
        Assert.That(
            () => product.Run(accelerator.DefaultStream, view, WeightView.Of(view.SubView(0, 400)), view, 20, 20, 20, scratch.View),
            Throws.ArgumentException.With.Message.Contains("scratch"));
    }

    private static float[] Multiply(Accelerator accelerator, int tokens, int columns, int depth)
    {
        var product = new MatMul(accelerator, LaunchShapes.For(accelerator) with { FewTokens = 0 });
        var random = new Random(2);
        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        using var input = accelerator.Allocate1D(Values(tokens * depth));
        using var weight = accelerator.Allocate1D(Values(columns * depth));
        using var output = accelerator.Allocate1D<float>(tokens * columns);
        using var scratch = accelerator.Allocate1D<byte>(product.ScratchBytes(TensorType.Float32, tokens, depth));
        product.Run(
            accelerator.DefaultStream, input.View, WeightView.Of(weight.View.BaseView), output.View, tokens, columns, depth, scratch.View);
        return output.GetAsArray1D();
    }

    [Test]
    public void A_token_has_the_same_bits_among_however_many()
    {
        const int Tokens = 131;
        const int Columns = 21;
        const int Depth = 300;
        Accelerator accelerator = SimdAccelerators.Of(VectorIsa.HostBits);
        var product = new MatMul(accelerator, LaunchShapes.For(accelerator) with { FewTokens = 0 });
        var random = new Random(1);
        float[] values = [.. Enumerable.Range(0, Tokens * Depth).Select(_ => random.NextSingle() - 0.5f)];
        using var input = accelerator.Allocate1D(values);
        using var weight = accelerator.Allocate1D<BFloat16>([.. values[..(Columns * Depth)].Select(value => (BFloat16)value)]);
        using var output = accelerator.Allocate1D<float>(Tokens * Columns);
        using var scratch = accelerator.Allocate1D<byte>(product.ScratchBytes(TensorType.BFloat16, Tokens, Depth));
        float[] Run(int first, int tokens)
        {
            ArrayView<float> from = input.View.BaseView.SubView(first * Depth, tokens * Depth);
            product.Run(accelerator.DefaultStream, from, WeightView.Of(weight.View.BaseView), output.View, tokens, Columns, Depth, scratch.View);
            return output.GetAsArray1D()[..(tokens * Columns)];
        }

        float[] all = Run(0, Tokens);
        Assert.Multiple(() =>
        {
            Assert.That(Run(Tokens - 1, 1), Is.EqualTo(all[^Columns..]));
            Assert.That(Run(3, 20), Is.EqualTo(all[(3 * Columns)..(23 * Columns)]));
        });
    }

    // as many columns as fit a group, unless a processor would have none
    [TestCase(4096, 2, 256)]
    [TestCase(1024, 2, 256)]
    [TestCase(256, 2, 128)]
    [TestCase(1000, 3, 168)]
    [TestCase(4096, 64, 64)]
    [TestCase(1, 16, 8)]
    public void Columns_are_shared_among_the_processors(int columns, int processors, int expected)
    {
        LaunchShapes shapes = LaunchShapes.For(TestAccelerators.Sequential) with { Processors = processors };
        Assert.That(shapes.PackedColumns(columns, mostColumns: 256, lanes: 8), Is.EqualTo(expected));
    }
}
