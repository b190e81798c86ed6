using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.TensorCores;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Attention of warp groups against the specification in double precision.</summary>
public sealed class WarpGroupAttentionTests
{
    // a row alone, rows of a token in two warp groups, two groups, more tiles than stages
    private static IEnumerable<TestCaseData> Small() => Cases(
    [
        (TensorType.BFloat16, new(1, 0, 1, 1, 64)), (TensorType.Float16, new(23, 110, 3, 1, 64)), (TensorType.BFloat16, new(129, 0, 1, 1, 64)),
        (TensorType.BFloat16, new(3, 700, 2, 2, 64)), (TensorType.BFloat16, new(5, 125, 14, 1, 128)), (TensorType.Float16, new(1, 300, 2, 1, 128)),
    ]);

    // One tile and a part of one, a group and a part of one, rows of a token in two groups, more tiles than stages, a diagonal through two
    // tiles, several heads of keys.
    private static IEnumerable<TestCaseData> Shapes() => Cases(
    [
        (TensorType.BFloat16, new(33, 0, 2, 2, 64)), (TensorType.BFloat16, new(129, 0, 1, 1, 64)), (TensorType.BFloat16, new(47, 127, 3, 1, 64)),
        (TensorType.BFloat16, new(100, 620, 4, 2, 64)), (TensorType.Float16, new(17, 48, 8, 2, 64)), (TensorType.Float16, new(65, 256, 4, 2, 128)),
        (TensorType.Float16, new(131, 0, 2, 2, 128)), (TensorType.BFloat16, new(40, 290, 28, 4, 128)),
    ]);

    [TestCaseSource(nameof(Small))]
    public void Result_agrees_and_is_clean_on_cpu(TensorType type, AttentionShape shape) => Check("cpu", type, shape);

    [TestCaseSource(nameof(Shapes))]
    public void Result_agrees_on_simd(TensorType type, AttentionShape shape) => Check("simd 512", type, shape);

    [Test]
    public void Huge_scores_take_the_value_of_the_largest() =>
        RoundedAttention.CheckHugeScores(TensorAccelerators.Of("simd 512"), On("simd 512"), TensorType.BFloat16, new(40, 230, 2, 2, 64));

    // in the keys or in the values of the 21st of the chunk's tokens: in the first tile, in the second, before the diagonal
    [TestCase("cpu", "BFloat16", 64, 0, double.NaN, true, true)]
    [TestCase("simd 512", "BFloat16", 64, 35, double.NaN, true, false)]
    [TestCase("simd 512", "BFloat16", 64, 350, double.NaN, false, true)]
    [TestCase("simd 512", "BFloat16", 64, 120, double.PositiveInfinity, false, true)]
    [TestCase("simd 512", "Float16", 64, 107, double.NaN, true, true)]
    [TestCase("simd 512", "Float16", 128, 200, double.NegativeInfinity, false, true)]
    [TestCase("simd 512", "BFloat16", 128, 60, double.NaN, true, true)]
    public void What_a_query_does_not_see_does_not_touch_it(
        string device, string type, int headDim, int position, double odd, bool inKeys, bool inValues) => RoundedAttention.CheckUnseen(
            TensorAccelerators.Of(device), On(device), Enum.Parse<TensorType>(type), new(33, position, 2, 1, headDim), 20, odd, inKeys, inValues);

    [Test]
    public void Attention_takes_warp_groups_by_the_launch_shapes()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        LaunchShapes shapes = LaunchShapes.For(accelerator) with { TensorCores = true, WarpGroups = true };
        AttentionShape shape = new(32, 170, 1, 1, 64);
        float[] Result(LaunchShapes chosen, int begin) => RoundedAttention.Result(
            accelerator, RoundedAttention.By(new Attention(accelerator, chosen)), TensorType.BFloat16, shape, begin: begin).Found;
        float[] expected = RoundedAttention.Result(accelerator, On("simd 512"), TensorType.BFloat16, shape).Found;
        float[] tensor = Result(shapes with { WarpGroups = false }, 0);
        float[] plain = Result(shapes with { TensorCores = false }, 0);
        Assert.Multiple(() =>
        {
            Assert.That(expected, Is.Not.EqualTo(tensor).And.Not.EqualTo(plain));
            Assert.That(Result(shapes, 0), Is.EqualTo(expected));
            Assert.That(Result(shapes with { TensorCoreAttentionTokens = 33 }, 0), Is.EqualTo(plain), "few tokens");
            Assert.That(Result(shapes, 1), Is.EqualTo(plain), "a cache that is not aligned");
        });
    }

    [Test]
    public void What_the_operation_does_not_take_is_refused()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        using var data = accelerator.Allocate1D<float>(256);
        using var cache = accelerator.Allocate1D<BFloat16>(256);
        var operands = new AttentionOperands(
            data.View, WeightView.Of(cache.View.SubView(1, 200)), WeightView.Of(cache.View.BaseView), data.View, data.View, data.View, new(1, 0, 1, 1, 64), 1);
        Assert.That(
            () => new WarpGroupAttention(accelerator).Run(accelerator.DefaultStream, operands),
            Throws.ArgumentException.With.Message.Contains("multiples of 16 bytes"));
    }

    [Test]
    public void Groups_fit_into_shared_memory() => Assert.That(
        (int[])[WarpGroupAttention.SharedBytes<NarrowWarpGroupHead>(), WarpGroupAttention.SharedBytes<WideWarpGroupHead>()],
        Is.EqualTo((int[])[149680, 164976]).And.All.LessThanOrEqualTo(227 * 1024));

    private static IEnumerable<TestCaseData> Cases((TensorType Type, AttentionShape Shape)[] tests) =>
        tests.Select(test => new TestCaseData(test.Type, test.Shape).SetArgDisplayNames(test.Type.ToString(), RoundedAttention.Describe(test.Shape)));

    private static RoundedAttention.Run On(string device) => new WarpGroupAttention(TensorAccelerators.Of(device)).Run;

    private static void Check(string device, TensorType type, AttentionShape shape) =>
        RoundedAttention.Check(TensorAccelerators.Of(device), On(device), type, shape);
}
