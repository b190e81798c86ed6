using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.TensorCores;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>The matrix product of warp groups against the specification in double precision.</summary>
public sealed class WarpGroupMatMulTests
{
    private static readonly TensorType[] Types = [TensorType.Float16, TensorType.BFloat16];

    // shapes that end within boxes, slices and tiles, of one tile and of several for each group; on cpu a slice takes a second
    private static IEnumerable<TestCaseData> Small() =>
        from type in Types
        from shape in (int[][])[[1, 1, 8], [130, 65, 72]]
        where type == TensorType.BFloat16 || shape[0] == 1
        select new TestCaseData(type, shape[0], shape[1], shape[2]);

    private static IEnumerable<TestCaseData> Shapes() =>
        from type in Types
        from shape in (int[][])[[1, 1, 8], [33, 65, 64], [129, 257, 104], [130, 70, 520]]
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
    public void Product_agrees_on_vectors_of(int bits) => Check(TensorAccelerators.Of($"simd {bits}"), TensorType.BFloat16, 70, 66, 80);

    [Test]
    public void MatMul_takes_warp_groups_by_the_launch_shapes_where_boxes_can_be_copied()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        LaunchShapes shapes = LaunchShapes.For(accelerator) with { TensorCores = true, WarpGroups = true };
        Assert.Multiple(() =>
        {
            Assert.That(LaunchShapes.For(accelerator).WarpGroups, Is.False);
            Assert.That(TakesWarpGroups(65, 8, 0), Is.True);
            Assert.That(TakesWarpGroups(65, 7, 0), Is.False, "rows that begin between chunks");
            Assert.That(TakesWarpGroups(65, 8, 1), Is.False, "a weight that begins between chunks");
        });

        // the one of warp groups works in scratch memory, the one that takes any rows does not
        bool TakesWarpGroups(int tokens, int inner, int offset)
        {
            using var input = accelerator.Allocate1D<float>([.. Enumerable.Repeat(1f, tokens * inner)]);
            using var weight = accelerator.Allocate1D<BFloat16>([.. Enumerable.Repeat((BFloat16)1f, inner + offset)]);
            using var output = accelerator.Allocate1D<float>(tokens);
            using var scratch = accelerator.Allocate1D<byte>([.. Enumerable.Repeat((byte)0xAB, tokens * inner * sizeof(ushort))]);
            var product = new MatMul(accelerator, shapes);
            product.Run(
                accelerator.DefaultStream, input.View, WeightView.Of(weight.View.BaseView.SubView(offset, inner)), output.View, tokens, 1, inner, scratch.View);
            Assert.That(output.GetAsArray1D(), Is.All.EqualTo(inner));
            bool works = scratch.GetAsArray1D().Any(value => value != 0xAB);
            Assert.That(product.ScratchBytes(TensorType.BFloat16, tokens, inner), works || offset > 0 ? Is.EqualTo(scratch.Length) : Is.Zero);
            return works;
        }
    }

    // on 132 multiprocessors: few tokens and columns in narrow tiles, many in wide ones, in pairs unless an odd one takes another turn
    [TestCase(128, 4096, "Narrow")]
    [TestCase(128, 14336, "Middle")]
    [TestCase(128, 28672, "Wide")]
    [TestCase(384, 11264, "Wide")]
    [TestCase(512, 4096, "MiddlePaired")]
    [TestCase(512, 14336, "WidePaired")]
    [TestCase(2048, 4096, "WidePaired")]
    [TestCase(2048, 14336, "WidePaired")]
    [TestCase(8192, 8192, "WidePaired")]
    public void Tile_is_the_one_that_is_done_first(int tokens, int outputs, string tile) =>
        Assert.That(WarpGroupMatMul.TileFor(tokens, outputs, 132).ToString(), Is.EqualTo(tile));

    // one tile of a pair and a part of the other, a slice of the weight that ends in either half, slices beyond the stages
    [TestCase("cpu", "WidePaired", "BFloat16", 130, 70, 72)]
    [TestCase("simd 512", "WidePaired", "BFloat16", 257, 300, 72)]
    [TestCase("simd 512", "WidePaired", "Float16", 130, 200, 400)]
    [TestCase("simd 512", "MiddlePaired", "Float16", 257, 90, 520)]
    [TestCase("simd 128", "MiddlePaired", "BFloat16", 20, 40, 80)]
    public void Product_of_pairs_agrees(string device, string tile, string type, int tokens, int outputs, int inner)
    {
        var product = new WarpGroupMatMul(TensorAccelerators.Of(device));
        RoundedMatMul.Check(
            TensorAccelerators.Of(device),
            (stream, input, weight, output, outputSize) => product.Run(Enum.Parse<WarpGroupTile>(tile), stream, input, weight, output, outputSize),
            Enum.Parse<TensorType>(type),
            tokens,
            outputs,
            inner);
    }

    [Test]
    public void Tiles_fit_into_shared_memory() => Assert.That(
        (int[])[
            WarpGroupMatMul.SharedBytes<WideWarpGroupTile>(), WarpGroupMatMul.SharedBytes<MiddleWarpGroupTile>(),
            WarpGroupMatMul.SharedBytes<NarrowWarpGroupTile>(), WarpGroupMatMul.SharedBytes<WidePairedWarpGroupTile>(),
            WarpGroupMatMul.SharedBytes<MiddlePairedWarpGroupTile>(),
        ],
        Is.EqualTo((int[])[196672, 196704, 196736, 196672, 196704]).And.All.LessThanOrEqualTo(227 * 1024));

    [Test]
    public void Scratch_memory_that_is_too_short_is_refused()
    {
        Accelerator accelerator = TensorAccelerators.Of("cpu");
        using var data = accelerator.Allocate1D<float>(16);
        using var weight = accelerator.Allocate1D<BFloat16>(16);
        using var scratch = accelerator.Allocate1D<byte>(31);
        Assert.That(
            () => new WarpGroupMatMul(accelerator).Run(
                accelerator.DefaultStream, new(data.View, 1, 16, scratch.View), WeightView.Of(weight.View.BaseView), data.View, 1),
            Throws.ArgumentException.With.Property("ParamName").EqualTo("scratch"));
    }

    [Test]
    public void Weight_that_cannot_be_copied_in_boxes_is_refused()
    {
        Accelerator accelerator = TensorAccelerators.Of("cpu");
        using var data = accelerator.Allocate1D<float>(16);
        using var weight = accelerator.Allocate1D<BFloat16>(15);
        Assert.That(
            () => new WarpGroupMatMul(accelerator).Run(
                accelerator.DefaultStream, new(data.View, 1, 15), WeightView.Of(weight.View.BaseView), data.View, 1),
            Throws.ArgumentException.With.Message.Contains("multiples of 16 bytes").And.Property("ParamName").EqualTo("weight"));
        Assert.That(
            () => new WarpGroupMatMul(accelerator).Run(
                accelerator.DefaultStream, new(data.View, 1, 16), WeightView.Of(data.View.BaseView), data.View, 1),
            Throws.ArgumentException.With.Message.Contains("Float32"));
    }

    private static void Check(Accelerator accelerator, TensorType type, int tokens, int outputs, int inner) =>
        RoundedMatMul.Check(accelerator, new WarpGroupMatMul(accelerator).Run, type, tokens, outputs, inner);
}
