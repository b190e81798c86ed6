using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.TensorCores;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>The matrix product on tensor cores against the specification in double precision.</summary>
public sealed class TensorCoreMatMulTests
{
    private static readonly TensorType[] Types = [TensorType.Float16, TensorType.BFloat16];

    private static readonly (string Name, int Outputs, int Inner)[] LayersOf8B =
        [("queries", 4096, 4096), ("output", 4096, 4096), ("gate", 14336, 4096), ("down", 4096, 14336)];

    // shapes that end within chunks, slices and tiles, of which rows are aligned or are not; a tile takes cpu some tenths of a second
    private static IEnumerable<TestCaseData> Small() =>
        from type in Types
        from shape in (int[][])[[1, 1, 1], [33, 65, 8], [5, 9, 40], [3, 70, 33]]
        select new TestCaseData(type, shape[0], shape[1], shape[2]);

    private static IEnumerable<TestCaseData> Tiles() =>
        from type in Types
        from shape in ((string Tile, int Tokens, int Outputs, int Inner)[])
            [("Large", 65, 257, 40), ("Wide", 130, 3, 72), ("Square", 65, 66, 104), ("Narrow", 33, 65, 40)]
        select new TestCaseData(type, shape.Tile, shape.Tokens, shape.Outputs, shape.Inner);

    private static IEnumerable<TestCaseData> Shapes() =>
        from type in Types
        from shape in (int[][])[[1, 1, 1], [2, 3, 7], [33, 65, 31], [64, 64, 32], [65, 129, 104], [128, 128, 64], [130, 257, 97], [200, 40, 1000]]
        select new TestCaseData(type, shape[0], shape[1], shape[2]);

    [TestCaseSource(nameof(Small))]
    public void Product_agrees_and_is_clean_on_cpu(TensorType type, int tokens, int outputs, int inner) =>
        Check("cpu", type, tokens, outputs, inner, TensorTile.Narrow);

    [TestCaseSource(nameof(Tiles))]
    public void Tile_agrees_and_is_clean_on_cpu(TensorType type, string tile, int tokens, int outputs, int inner) =>
        Check("cpu", type, tokens, outputs, inner, Enum.Parse<TensorTile>(tile));

    [TestCaseSource(nameof(Shapes))]
    public void Product_agrees_on_simd(TensorType type, int tokens, int outputs, int inner) =>
        Check("simd 512", type, tokens, outputs, inner, tokens > 64 ? TensorTile.Wide : TensorTile.Narrow);

    [TestCase(256)]
    [TestCase(128)]
    [TestCase(32)]
    public void Product_agrees_on_vectors_of(int bits) => Check($"simd {bits}", TensorType.BFloat16, 70, 66, 40, TensorTile.Wide);

    [Test]
    public void Tiles_leave_few_multiprocessors_without_work()
    {
        const int Multiprocessors = 132;
        Assert.Multiple(() =>
        {
            foreach ((string name, int outputs, _) in LayersOf8B)
            {
                foreach (int tokens in (int[])[128, 512, 2048, 8192])
                {
                    TensorTile tile = TensorTileTable.For(tokens, outputs, Multiprocessors);
                    double groups = TensorTileTable.GroupsOf(tile, tokens, outputs);
                    double share = groups / Multiprocessors / Math.Ceiling(groups / Multiprocessors);
                    TestContext.Out.WriteLine($"{tokens} tokens, {name}: {tile}, {groups} groups, {share:0.00} of the multiprocessors");
                    Assert.That(share, Is.GreaterThan(0.84), $"{tokens} tokens, {name}");
                }
            }
        });
    }

    [TestCase(1, 4096, "Narrow")]
    [TestCase(32, 14336, "Narrow")]
    [TestCase(128, 4096, "Square")]
    [TestCase(128, 14336, "Wide")]
    [TestCase(512, 4096, "Wide")]
    [TestCase(512, 14336, "Large")]
    [TestCase(2048, 4096, "Large")]
    [TestCase(8192, 8192, "Large")]
    public void Tile_is_chosen_by_the_number_of_outputs(int tokens, int outputs, string tile) =>
        Assert.That(TensorTileTable.For(tokens, outputs, 132).ToString(), Is.EqualTo(tile));

    [TestCase(1, 1)]
    [TestCase(3, 7)]
    [TestCase(16, 5)]
    [TestCase(17, 5)]
    [TestCase(64, 56)]
    public void Groups_take_every_tile_once_and_neighbours_share_rows_and_columns(int down, int across)
    {
        Index2D[] tiles = [.. Enumerable.Range(0, down * across).Select(group => TensorCoreMatMul.TileOf(group, down, across))];
        Assert.That(tiles.ToHashSet(), Has.Count.EqualTo(down * across));
        Assert.That(Array.TrueForAll(tiles, tile => tile.X >= 0 && tile.X < down && tile.Y >= 0 && tile.Y < across));
        for (int first = 0; first + 132 <= tiles.Length; first += 132)
        {
            Index2D[] atOnce = tiles[first..(first + 132)];
            Assert.That(atOnce.Select(tile => tile.X).Distinct().Count() + atOnce.Select(tile => tile.Y).Distinct().Count(), Is.LessThan(45));
        }
    }

    [Test]
    public void Rows_that_are_read_or_written_at_once_lie_in_different_banks()
    {
        static IEnumerable<int> Spans(IEnumerable<(int Row, int Chunk)> places) =>
            places.Select(place => TensorCoreMatMul.Place(place.Row, place.Chunk) * 2 / 16 % 8);
        Assert.Multiple(() =>
        {
            for (int first = 0; first < 256; first += 8)
            {
                for (int chunk = 0; chunk < 4; chunk++)
                {
                    Assert.That(Spans(Enumerable.Range(first, 8).Select(row => (row, chunk))), Is.Unique, "rows of a matrix");
                }
            }

            // a quarter of a warp writes 8 neighbouring chunks at once
            for (int item = 0; item < 1024; item += 8)
            {
                Assert.That(Spans(Enumerable.Range(item, 8).Select(i => (i >> 2, i & 3))), Is.Unique, "chunks of a copy");
            }
        });
    }

    [Test]
    public void Weight_that_begins_between_chunks_is_multiplied_too()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        using var input = accelerator.Allocate1D<float>([.. Enumerable.Range(0, 3 * 16).Select(i => (float)(i % 7))]);
        using var weight = accelerator.Allocate1D<BFloat16>([.. Enumerable.Range(0, (5 * 16) + 1).Select(i => (BFloat16)(i % 5))]);
        using var output = accelerator.Allocate1D<float>(15);
        using var scratch = accelerator.Allocate1D<byte>(InputRounding.ScratchBytes(3, 16));
        new TensorCoreMatMul(accelerator).Run(
            accelerator.DefaultStream, new(input.View, 3, 16, scratch.View), WeightView.Of(weight.View.SubView(1, 80)), output.View, 5);
        Assert.That(output.GetAsArray1D(), Is.EqualTo(
            from t in Enumerable.Range(0, 3)
            from n in Enumerable.Range(0, 5)
            select (float)Enumerable.Range(0, 16).Sum(k => ((t * 16) + k) % 7 * (((n * 16) + k + 1) % 5))));
    }

    [Test]
    public void MatMul_takes_tensor_cores_by_the_launch_shapes()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        LaunchShapes shapes = LaunchShapes.For(accelerator) with { FewTokens = 0 };
        float[] values = [1 + (1f / 1024), 0, 0, 0, 0, 0, 0, 0];
        using var input = accelerator.Allocate1D(values);
        using var single = accelerator.Allocate1D(values);
        using var brain = accelerator.Allocate1D<BFloat16>([.. values.Select(value => (BFloat16)value)]);
        using var output = accelerator.Allocate1D<float>(1);
        float Run(LaunchShapes chosen, WeightView weight)
        {
            var product = new MatMul(accelerator, chosen);
            using var scratch = accelerator.Allocate1D<byte>(product.ScratchBytes(weight.Type, 1, 8));
            product.Run(accelerator.DefaultStream, input.View, weight, output.View, 1, 1, 8, scratch.View);
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
            () => new TensorCoreMatMul(accelerator).Run(accelerator.DefaultStream, new(data.View, 1, 16), WeightView.Of(data.View.BaseView), data.View, 1),
            Throws.ArgumentException.With.Message.Contains("Float16 or BFloat16"));
    }

    [TestCase(0, 1, 16, "tokenCount")]
    [TestCase(1, 0, 16, "outputSize")]
    [TestCase(1, 1, 0, "inputSize")]
    [TestCase(1, 2, 16, "weight")]
    [TestCase(2, 1, 16, "input")]
    [TestCase(1, 1, 16, "scratch")]
    public void Wrong_shapes_are_refused(int tokens, int outputs, int inner, string argument)
    {
        Accelerator accelerator = TensorAccelerators.Of("cpu");
        using var data = accelerator.Allocate1D<float>(16);
        using var weight = accelerator.Allocate1D<BFloat16>(16);
        Assert.That(
            () => new TensorCoreMatMul(accelerator).Run(
                accelerator.DefaultStream, new(data.View, tokens, inner), WeightView.Of(weight.View.BaseView), data.View, outputs),
            Throws.ArgumentException.With.Property("ParamName").EqualTo(argument));
    }

    private static void Check(string device, TensorType type, int tokens, int outputs, int inner, TensorTile tile)
    {
        Accelerator accelerator = TensorAccelerators.Of(device);
        RoundedMatMul.Check(accelerator, new TensorCoreMatMul(accelerator).Find(type, inner % 8 == 0 ? tile : null).Invoke, type, tokens, outputs, inner);
    }
}
