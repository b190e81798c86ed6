using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>What launchers refuse, and that the message names the argument, what was expected and what was found.</summary>
public sealed class LauncherArgumentTests
{
    private static readonly KernelSet Kernels = new(TestAccelerators.Sequential);

    // lives as long as the accelerator: the cases are made before any fixture is
    private static readonly ArrayView<float> Floats = TestAccelerators.Sequential.Allocate1D<float>(65536).View;

    private static AcceleratorStream Stream => TestAccelerators.Sequential.DefaultStream;

    private static IEnumerable<TestCaseData> Refused()
    {
        var shape = new AttentionShape(2, 3, 4, 2, 8);
        yield return Case("gather without tokens", "tokenCount", "1 to", "found 0",
            k => k.EmbeddingGather.Run(Stream, I(4), W(40), F(40), 0, 5, 8));
        yield return Case("gather with few ids", "tokens", "at least 4", "found 3",
            k => k.EmbeddingGather.Run(Stream, I(3), W(40), F(40), 4, 5, 8));
        yield return Case("gather from a short table", "table", "expected 40 ", "found 39",
            k => k.EmbeddingGather.Run(Stream, I(4), W(39), F(40), 4, 5, 8));
        yield return Case("gather into a short output", "output", "at least 32", "found 31",
            k => k.EmbeddingGather.Run(Stream, I(4), W(40), F(31), 4, 5, 8));
        yield return Case("norm of no rows", "tokenCount", "1 to", "found -1",
            k => k.RmsNorm.Run(Stream, F(8), W(8), F(8), -1, 8, 1e-5f));
        yield return Case("norm with a long weight", "weight", "expected 8 ", "found 9",
            k => k.RmsNorm.Run(Stream, F(8), W(9), F(8), 1, 8, 1e-5f));
        yield return Case("norm with an epsilon of NaN", "epsilon", "finite", "found NaN",
            k => k.RmsNorm.Run(Stream, F(8), W(8), F(8), 1, 8, float.NaN));
        yield return Case("matrix with a short input", "input", "at least 12 elements (2 x 6", "found 11",
            k => k.MatMul.Run(Stream, F(11), W(30), F(10), 2, 5, 6));
        yield return Case("matrix of a wrong size", "weight", "expected 30 elements (5 x 6", "found 31",
            k => k.MatMul.Run(Stream, F(12), W(31), F(10), 2, 5, 6));
        yield return Case("matrix with a short output", "output", "at least 10", "found 9",
            k => k.MatMul.Run(Stream, F(12), W(30), F(9), 2, 5, 6));
        yield return Case("matrix of absurd size", "input", "at least 1152921504606846976", "found 9",
            k => k.MatMul.Run(Stream, F(9), W(30), F(9), 1 << 30, 1, 1 << 30));
        yield return Case("matrix beyond the largest extent", "inputSize", "1 to", "found 2147483647",
            k => k.MatMul.Run(Stream, F(12), W(30), F(9), 1, 1, int.MaxValue));
        yield return Case("vector with a short input", "input", "at least 6", "found 5",
            k => k.MatVec.Run(Stream, F(5), W(30), F(5), 5, 6));
        yield return Case("vector with a weight of unknown type", "weight", "Float32, Float16 or BFloat16", "found 9",
            k => k.MatVec.Run(Stream, F(6), new WeightView((TensorType)9, W(30).Data), F(5), 5, 6));
        yield return Case("head without rows", "rows", "1 to", "found 0",
            k => k.OutputHead.Run(Stream, F(6), W(30), F(5), 0, 5, 6));
        yield return Case("head with short logits", "logits", "at least 10", "found 9",
            k => k.OutputHead.Run(Stream, F(12), W(30), F(9), 2, 5, 6));
        yield return Case("bias of a wrong size", "bias", "expected 6 ", "found 5",
            k => k.BiasAdd.Run(Stream, F(12), W(5), 2, 6));
        yield return Case("bias on short values", "values", "at least 12", "found 11",
            k => k.BiasAdd.Run(Stream, F(11), W(6), 2, 6));
        yield return Case("residual with a short addend", "addend", "at least 12", "found 11",
            k => k.ResidualAdd.Run(Stream, F(12), F(11), 2, 6));
        yield return Case("gate with a short up", "up", "at least 12", "found 11",
            k => k.SwiGlu.Run(Stream, F(12), F(11), F(12), 2, 6));
        yield return Case("rotation of an odd head", "headDim", "even", "found 7",
            k => k.Rope.Run(Stream, F(99), F(99), F(99), 1, 1, 7, 0));
        yield return Case("rotation of heads too wide together", "headDim", "wide", "found 1152921504606846976",
            k => k.Rope.Run(Stream, F(99), F(99), F(99), 1, 1 << 30, 1 << 30, 0));
        yield return Case("rotation past the tables", "cosines", "at least 20 elements (5 x 4", "found 19",
            k => k.Rope.Run(Stream, F(99), F(19), F(20), 2, 1, 8, 3));
        yield return Case("rotation at a negative position", "firstPosition", "0 to", "found -1",
            k => k.Rope.Run(Stream, F(99), F(99), F(99), 1, 1, 8, -1));
        yield return Case("append past the keys' capacity", "keyCache", "at least 80 elements (5 x 16", "found 79",
            k => k.KeyValueCacheAppend.Run(Stream, F(32), F(32), F(20), F(20), W(79), W(80), shape));
        yield return Case("append past the values' capacity", "valueCache", "at least 80 elements (5 x 16", "found 79",
            k => k.KeyValueCacheAppend.Run(Stream, F(32), F(32), F(20), F(20), W(80), W(79), shape));
        yield return Case("append to caches of two types", "valueCache", "Float32", "found Float16",
            k => k.KeyValueCacheAppend.Run(Stream, F(32), F(32), F(20), F(20), W(80), new(TensorType.Float16, W(80).Data), shape));
        yield return Case("append of short keys", "keys", "at least 32", "found 31",
            k => k.KeyValueCacheAppend.Run(Stream, F(31), F(32), F(20), F(20), W(80), W(80), shape));
        yield return Case("append of short values", "values", "at least 32", "found 31",
            k => k.KeyValueCacheAppend.Run(Stream, F(32), F(31), F(20), F(20), W(80), W(80), shape));
        yield return Case("append past the tables", "sines", "at least 20", "found 19",
            k => k.KeyValueCacheAppend.Run(Stream, F(32), F(32), F(20), F(19), W(80), W(80), shape));
        yield return Case("append at an absurd position", "FirstPosition", "0 to", "found 2147483647",
            k => k.KeyValueCacheAppend.Run(
                Stream, F(32), F(32), F(20), F(20), W(80), W(80), shape with { FirstPosition = int.MaxValue }));
        yield return Case("scores with a short cache", "keys", "at least 80 elements (5 x 16", "found 79",
            k => k.RopeScores.Run(Stream, F(64), W(79), F(20), F(20), F(40), shape, 1f));
        yield return Case("scores with short queries", "queries", "at least 64", "found 63",
            k => k.RopeScores.Run(Stream, F(63), W(80), F(20), F(20), F(40), shape, 1f));
        yield return Case("scores with a short result", "scores", "at least 40 elements (4 x 2 x 5", "found 39",
            k => k.RopeScores.Run(Stream, F(64), W(80), F(20), F(20), F(39), shape, 1f));
        yield return Case("scores of a head too wide", "shape", "512", "found 514",
            k => k.RopeScores.Run(Stream, F(1), W(1), F(1), F(1), F(1), new(1, 0, 1, 1, 514), 1f));
        yield return Case("softmax of heads that no group divides", "KeyValueHeadCount", "divisor of the 4", "found 3",
            k => k.CausalSoftmax.Run(Stream, F(99), shape with { KeyValueHeadCount = 3 }));
        yield return Case("softmax of no tokens", "TokenCount", "1 to", "found 0",
            k => k.CausalSoftmax.Run(Stream, F(99), shape with { TokenCount = 0 }));
        yield return Case("softmax of short scores", "scores", "at least 40", "found 39",
            k => k.CausalSoftmax.Run(Stream, F(39), shape));
        yield return Case("softmax of heads too wide together", "HeadDim", "wide", "found 1152921504606846976",
            k => k.CausalSoftmax.Run(Stream, F(39), new(1, 0, 1 << 30, 1, 1 << 30)));
        yield return Case("weighted sum with a short cache", "values", "at least 80", "found 79",
            k => k.AttentionWeightedSum.Run(Stream, F(40), W(79), F(64), shape));
        yield return Case("weighted sum with a short output", "output", "at least 64", "found 63",
            k => k.AttentionWeightedSum.Run(Stream, F(40), W(80), F(63), shape));
        yield return Case("attention with short keys", "keys", "at least 80 elements (5 x 16", "found 79",
            k => k.Attention.Run(Stream, new(F(64), W(79), W(80), F(20), F(20), F(64), shape, 1f), F(0)));
        yield return Case("attention with short values", "values", "at least 80 elements (5 x 16", "found 79",
            k => k.Attention.Run(Stream, new(F(64), W(80), W(79), F(20), F(20), F(64), shape, 1f), F(0)));
        yield return Case("attention with values of another type", "values", "Float32", "found Float16",
            k => k.Attention.Run(Stream, new(F(64), W(80), new(TensorType.Float16, W(80).Data), F(20), F(20), F(64), shape, 1f), F(0)));
        yield return Case("attention with short queries", "queries", "at least 64", "found 63",
            k => k.Attention.Run(Stream, new(F(63), W(80), W(80), F(20), F(20), F(64), shape, 1f), F(0)));
        yield return Case("attention past the tables", "sines", "at least 20", "found 19",
            k => k.Attention.Run(Stream, new(F(64), W(80), W(80), F(20), F(19), F(64), shape, 1f), F(0)));
        yield return Case("attention with a short output", "output", "at least 64", "found 63",
            k => k.Attention.Run(Stream, new(F(64), W(80), W(80), F(20), F(20), F(63), shape, 1f), F(0)));
        yield return Case("attention of a head too wide", "shape", "256", "found 258",
            k => k.Attention.Run(Stream, new(F(1), W(1), W(1), F(1), F(1), F(1), new(1, 0, 1, 1, 258), 1f), F(0)));
        var token = new AttentionShape(1, 4, 4, 2, 8);
        yield return Case("attention of a token that are two", "operands", "one token", "found 2",
            k => k.Attention.RunToken(Stream, new(F(64), W(80), W(80), F(20), F(20), F(64), shape, 1f), F(0), I(4), I(1)));
        yield return Case("attention of a token with short keys", "keys", "at least 80 elements (5 x 16", "found 79",
            k => k.Attention.RunToken(Stream, new(F(32), W(79), W(80), F(20), F(20), F(32), token, 1f), F(0), I(4), I(1)));
        yield return Case("attention of a token with few counters", "arrivals", "at least 4", "found 3",
            k => k.Attention.RunToken(Stream, new(F(32), W(80), W(80), F(20), F(20), F(32), token, 1f), F(0), I(3), I(1)));
        yield return Case("attention of a token that stands nowhere", "position", "at least 1", "found 0",
            k => k.Attention.RunToken(Stream, new(F(32), W(80), W(80), F(20), F(20), F(32), token, 1f), F(0), I(4), I(0)));
        yield return Case("queries and caches with a short cache", "keyCache", "at least 80 elements (5 x 16", "found 79",
            k => k.QkvAppend.Run(Stream, F(3), W(3), W(96), W(48), W(48), F(32), W(79), W(80), F(20), F(20), I(1), token, 3, 1e-5f));
        yield return Case("queries and caches of two types", "valueCache", "Float32", "found Float16",
            k => k.QkvAppend.Run(
                Stream, F(3), W(3), W(96), W(48), W(48), F(32), W(80), new(TensorType.Float16, W(80).Data), F(20), F(20), I(1), token, 3, 1e-5f));
        yield return Case("queries and caches past the tables", "sines", "at least 20", "found 19",
            k => k.QkvAppend.Run(Stream, F(3), W(3), W(96), W(48), W(48), F(32), W(80), W(80), F(20), F(19), I(1), token, 3, 1e-5f));
        yield return Case("argmax of nothing", "count", "1 to", "found 0",
            k => k.ArgMax.Run(Stream, F(4), I(1), 0));
        yield return Case("argmax without room for the result", "result", "at least 1", "found 0",
            k => k.ArgMax.Run(Stream, F(4), I(0), 4));
        yield return Case("argmax past the end", "values", "at least 5", "found 4",
            k => k.ArgMax.Run(Stream, F(4), I(1), 5));
        yield return Case("triangles of a weight of another shape", "weight", "32 elements", "found 31",
            k => k.Spectral.HeadTriangles.Run(Stream, W(31), HeadSlices.Rows(2, 4, 4), D(192)));
        yield return Case("triangles without room for the result", "triangles", "at least 192", "found 191",
            k => k.Spectral.HeadTriangles.Run(Stream, W(32), HeadSlices.Rows(2, 4, 4), D(191)));
        yield return Case("triangles of heads too wide", "slices", "at most", "found 65536",
            k => k.Spectral.HeadTriangles.Run(Stream, W(65536), HeadSlices.Rows(1, 65536, 1), D(1)));
        yield return Case("products of heads that do not share evenly", "heads", "multiple of the 2", "found 3",
            k => k.Spectral.HeadProducts.Run(Stream, D(288), D(192), D(288), 3, 2, 4));
        yield return Case("products with a short factor", "second", "at least 96", "found 95",
            k => k.Spectral.HeadProducts.Run(Stream, D(192), D(95), D(192), 2, 1, 4));
        yield return Case("singular values without memory to work in", "work", "at least 224", "found 223",
            k => k.Spectral.SingularValues.Run(Stream, D(96), D(223), D(4), 1, 4));
    }

    [TestCaseSource(nameof(Refused))]
    public void Launcher_refuses(string argument, string expected, string found, object run)
    {
        var error = Assert.Throws<ArgumentException>(() => ((Action<KernelSet>)run)(Kernels));
        Assert.That(error!.ParamName, Does.EndWith(argument));
        Assert.That(error.Message, Does.Contain(expected).And.Contain(found));
    }

    [Test]
    public void Token_beyond_the_table_is_a_kernel_fault_not_a_stray_read()
    {
        using var data = new OpData(TestAccelerators.Sequential, Kernels);
        var tokens = data.Upload([1, 5]);
        Assert.Throws<KernelIndexOutOfRangeException>(() => Kernels.EmbeddingGather.Run(Stream, tokens, W(40), F(16), 2, 5, 8));
    }

    [Test]
    public void Weight_is_read_only_as_the_type_it_has()
    {
        WeightView weight = W(8);
        Assert.That(weight.As<float>().Length, Is.EqualTo(8));
        Assert.Throws<InvalidOperationException>(() => weight.As<BFloat16>());
        Assert.That(WeightView.Of(Floats.Cast<BFloat16>()).Length, Is.EqualTo(2 * Floats.Length));
        Assert.That(() => weight.Slice(1, 8), Throws.Exception);
    }

    [TestCase(1, 1, 1, MatMulTile.OneLane)]
    [TestCase(1, 32, 32, MatMulTile.OneLane)]
    [TestCase(32, 2, 64, MatMulTile.Small)]
    [TestCase(32, 4, 128, MatMulTile.Small)]
    [TestCase(32, 32, 256, MatMulTile.Wide)]
    public void Launch_shapes_fit_the_device(int warpSize, int warps, int lanes, MatMulTile tile)
    {
        using var accelerator = TestAccelerators.CreateSanitized(warpSize, warps);
        LaunchShapes shapes = LaunchShapes.For(accelerator);
        Assert.That((shapes.Lanes, shapes.Tile), Is.EqualTo((lanes, tile)));
    }

    [Test]
    public void Cost_counts_each_operand_once()
    {
        // Llama-3-8B's gate projection, one token: 4096 x 14336 weights of 2 bytes, two operations each
        var projection = new Cost((14336L * 4096 * 2) + (4 * (4096 + 14336)), 2L * 14336 * 4096);
        Assert.That(MatVec.CostOf(TensorType.BFloat16, 14336, 4096), Is.EqualTo(projection));
        Assert.That(MatMul.CostOf(TensorType.BFloat16, 1, 14336, 4096), Is.EqualTo(projection));

        // 2 queries at positions 3 and 4 see 4 and 5 keys: 9 pairs a head
        var shape = new AttentionShape(2, 3, 4, 2, 8);
        var sum = new Cost((36 * 4) + (5 * 16 * 2) + (2 * 32 * 4), 36 * 8 * 2);
        Assert.That(AttentionWeightedSum.CostOf(TensorType.Float16, shape), Is.EqualTo(sum));

        // queries, output and angles of 2 tokens, keys and values of 5 positions; rotation, two products and a softmax
        var attention = new Cost((2 * (32 + 32 + 8) * 4) + (2 * 5 * 16 * 2), (2 * 32 * 4) + (36 * ((8 * 4) + 5)));
        Assert.That(Attention.CostOf(TensorType.Float16, shape), Is.EqualTo(attention));
    }

    private static TestCaseData Case(string name, string argument, string expected, string found, Action<KernelSet> run) =>
        new TestCaseData(argument, expected, found, run).SetArgDisplayNames(name);

    private static ArrayView<float> F(int length) => Floats.SubView(0, length);

    private static ArrayView<double> D(int length) => Floats.Cast<double>().SubView(0, length);

    private static ArrayView<int> I(int length) => Floats.Cast<int>().SubView(0, length);

    private static WeightView W(int length) => WeightView.Of(F(length));
}
