using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.TensorCores;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Attention on tensor cores against the specification in double precision.</summary>
public sealed class TensorCoreAttentionTests
{
    // One tile and a part of one, a group and a part of one, rows of a token in two groups, keys before the first token. The compiler of
    // simd takes seconds for a kernel, cpu takes some tenths of a second for a tile of keys.
    private static IEnumerable<TestCaseData> Shapes() =>
        from test in ((TensorType Type, AttentionShape Shape)[])
        [
            (TensorType.BFloat16, new(1, 0, 1, 1, 64)), (TensorType.Float16, new(33, 0, 2, 2, 64)), (TensorType.BFloat16, new(47, 41, 3, 1, 64)),
            (TensorType.BFloat16, new(129, 0, 1, 1, 64)), (TensorType.Float16, new(1, 0, 1, 1, 128)), (TensorType.BFloat16, new(32, 0, 4, 1, 128)),
            (TensorType.BFloat16, new(5, 93, 28, 1, 128)), (TensorType.Float16, new(49, 47, 2, 2, 128)),
        ]
        select new TestCaseData(test.Type, test.Shape).SetArgDisplayNames(test.Type.ToString(), RoundedAttention.Describe(test.Shape));

    private static IEnumerable<TestCaseData> LongShapes() =>
        from shape in (AttentionShape[])[new(17, 48, 8, 2, 64), new(47, 127, 3, 1, 64), new(100, 31, 4, 2, 64)]
        select new TestCaseData(shape).SetArgDisplayNames(RoundedAttention.Describe(shape));

    [TestCaseSource(nameof(Shapes))]
    public void Result_agrees_and_is_clean_on_cpu(TensorType type, AttentionShape shape) => Check("cpu", type, shape);

    [TestCaseSource(nameof(LongShapes))]
    public void Result_agrees_on_simd(AttentionShape shape) => Check("simd 512", TensorType.BFloat16, shape);

    [Test]
    public void Wide_head_agrees_on_simd() => Check("simd 512", TensorType.Float16, new(65, 96, 4, 2, 128));

    [Test]
    public void Huge_scores_take_the_value_of_the_largest() =>
        RoundedAttention.CheckHugeScores(TensorAccelerators.Of("simd 512"), On("simd 512"), TensorType.BFloat16, new(40, 30, 2, 2, 64));

    // in the keys or in the values of the 21st of the chunk's tokens; tiles of 64 keys and 48
    [TestCase("cpu", "BFloat16", 64, double.NaN, true, false)]
    [TestCase("simd 512", "BFloat16", 64, double.NaN, false, true)]
    [TestCase("simd 512", "BFloat16", 64, double.PositiveInfinity, false, true)]
    [TestCase("simd 512", "Float16", 64, double.NaN, true, true)]
    [TestCase("cpu", "Float16", 128, double.NegativeInfinity, false, true)]
    [TestCase("cpu", "BFloat16", 128, double.NaN, true, true)]
    public void What_a_query_does_not_see_does_not_touch_it(string device, string type, int headDim, double odd, bool inKeys, bool inValues) =>
        RoundedAttention.CheckUnseen(
            TensorAccelerators.Of(device), On(device), Enum.Parse<TensorType>(type), new(33, 35, 2, 1, headDim), 20, odd, inKeys, inValues);

    [Test]
    public void Attention_takes_tensor_cores_by_the_launch_shapes()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        LaunchShapes shapes = LaunchShapes.For(accelerator) with { TensorCores = true };
        AttentionShape shape = new(32, 0, 1, 1, 64);
        float[] Result(LaunchShapes chosen, AttentionShape extents, int begin) => RoundedAttention.Result(
            accelerator, RoundedAttention.By(new Attention(accelerator, chosen)), TensorType.BFloat16, extents, begin: begin).Found;
        float[] plain = Result(shapes with { TensorCores = false }, shape, 0);
        float[] tensor = RoundedAttention.Result(accelerator, On("simd 512"), TensorType.BFloat16, shape).Found;
        float[] narrow = Result(shapes with { TensorCores = false }, shape with { HeadDim = 32 }, 0);
        Assert.Multiple(() =>
        {
            Assert.That(tensor, Is.Not.EqualTo(plain));
            Assert.That(Result(shapes, shape, 0), Is.EqualTo(tensor));
            Assert.That(Result(shapes with { TensorCoreAttentionTokens = 33 }, shape, 0), Is.EqualTo(plain), "few tokens");
            Assert.That(Result(shapes, shape with { HeadDim = 32 }, 0), Is.EqualTo(narrow), "another width of heads");
            Assert.That(Result(shapes, shape, 1), Is.EqualTo(plain), "a cache that is not aligned");
        });
    }

    [Test]
    public void What_the_operation_does_not_take_is_refused()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        using var data = accelerator.Allocate1D<float>(256);
        using var cache = accelerator.Allocate1D<BFloat16>(256);
        void Attend(WeightView keys, AttentionShape shape) => new TensorCoreAttention(accelerator).Run(
            accelerator.DefaultStream, new(data.View, keys, keys, data.View, data.View, data.View, shape, 1));
        Assert.Multiple(() =>
        {
            Assert.That(() => Attend(WeightView.Of(data.View.BaseView), new(1, 0, 1, 1, 64)), Throws.ArgumentException.With.Message.Contains("Float16 or BFloat16"));
            Assert.That(() => Attend(WeightView.Of(cache.View.BaseView), new(1, 0, 1, 1, 32)), Throws.ArgumentException.With.Message.Contains("64 or 128 wide"));
            Assert.That(() => Attend(WeightView.Of(cache.View.SubView(1, 200)), new(1, 0, 1, 1, 64)), Throws.ArgumentException);
            Assert.That(() => Attend(WeightView.Of(cache.View.BaseView), new(5, 0, 1, 1, 64)), Throws.ArgumentException.With.Property("ParamName").EqualTo("queries"));
        });
    }

    [TestCase(6)]
    [TestCase(7)]
    public void Rows_that_are_read_or_written_at_once_lie_in_different_banks(int widthShift)
    {
        int chunks = 1 << (widthShift - 3);
        Assert.Multiple(() =>
        {
            for (int first = 0; first < 128; first += 8)
            {
                for (int chunk = 0; chunk < chunks; chunk++)
                {
                    Assert.That(Banks(Enumerable.Range(first, 8).Select(row => (row, chunk)), widthShift), Is.Unique, "rows of a matrix");
                }
            }

            // a quarter of a warp copies 8 neighbouring chunks at once
            for (int item = 0; item < 128 * chunks; item += 8)
            {
                Assert.That(Banks(Enumerable.Range(item, 8).Select(i => (i / chunks, i % chunks)), widthShift), Is.Unique, "chunks of a copy");
            }
        });
    }

    // which of the 8 spans of 16 bytes that 32 banks have
    private static IEnumerable<int> Banks(IEnumerable<(int Row, int Chunk)> places, int widthShift) =>
        places.Select(place => TensorCoreAttention.Place(place.Row, place.Chunk, widthShift) * 2 / 16 % 8);

    private static RoundedAttention.Run On(string device) => new TensorCoreAttention(TensorAccelerators.Of(device)).Run;

    private static void Check(string device, TensorType type, AttentionShape shape) =>
        RoundedAttention.Check(TensorAccelerators.Of(device), On(device), type, shape);
}
