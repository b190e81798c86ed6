using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>What attention in one pass promises besides its formula, on every accelerator.</summary>
[TestFixture("cpu")]
[TestFixture("simd")]
[TestFixture("opencl")]
public sealed class AttentionTests(string device)
{
    // of magnitude 1, with weights that carry the error of scores of magnitude 10
    private const double Tolerance = 4e-6;

    private Accelerator _accelerator = null!;
    private KernelSet _kernels = null!;

    [OneTimeSetUp]
    public void Open()
    {
        _accelerator = device switch
        {
            "cpu" => TestAccelerators.Sequential,
            "simd" => SimdAccelerators.Of(512),
            _ => TestAccelerators.OpenCl,
        };
        LaunchShapes shapes = LaunchShapes.For(_accelerator);

        // more groups than there are, so that keys are cut into parts wherever there is room for them
        _kernels = new(_accelerator, shapes with { Attention = shapes.Attention with { Groups = 64 } });
    }

    [Test]
    public void Random_shapes_agree_with_the_three_steps_in_double_precision()
    {
        var random = new Random(31);
        var problems = new List<string?>();
        for (int i = 0; i < 60; i++)
        {
            int keyValueHeads = random.Next(1, 4);
            var shape = new AttentionShape(
                random.Next(4) == 0 ? random.Next(1, 40) : random.Next(1, 4),
                random.Next(3) == 0 ? random.Next(600) : random.Next(40),
                keyValueHeads * random.Next(1, 10),
                keyValueHeads,
                2 * random.Next(1, 70));
            problems.Add(OpCases.Attend(shape, (TensorType)random.Next(3), random.NextDouble() * 6, random.Next(6)).Check(_accelerator, _kernels));
        }

        Assert.That(problems, Is.All.Null);
    }

    [Test]
    public void Token_whose_position_stands_on_the_device_is_attended_alike_and_always_with_the_same_bits()
    {
        var random = new Random(32);
        for (int i = 0; i < 20; i++)
        {
            int keyValueHeads = random.Next(1, 4);
            int position = random.Next(3) == 0 ? random.Next(130) : random.Next(2000);
            using var run = new AttentionRun(
                _accelerator, _kernels, new(1, position, keyValueHeads * random.Next(1, 10), keyValueHeads, 2 * random.Next(1, 70)));
            double[] attended = run.AttendToken();
            Assert.That(attended, Is.EqualTo(run.Attend(0, 1)).Within(Tolerance), run.Shape.ToString());
            Assert.That(run.AttendToken(), Is.EqualTo(attended), "once more, with what the first left behind");
        }
    }

    [TestCase(1)]
    [TestCase(3)]
    [TestCase(8)]
    public void Later_tokens_change_nothing_for_earlier_ones(int headsPerGroup)
    {
        using var run = new AttentionRun(_accelerator, _kernels, new(9, 130, 2 * headsPerGroup, 2, 24));
        double[] before = run.Attend(0, 9);
        run.Overwrite(135, 1e30f);
        double[] after = run.Attend(0, 9);
        int earlier = 5 * run.Shape.QueryWidth;
        Assert.That(after[..earlier], Is.EqualTo(before[..earlier]));
        Assert.That(after[earlier..], Is.Not.EqualTo(before[earlier..]));
    }

    [TestCase(1)]
    [TestCase(5)]
    [TestCase(16)]
    public void Chunks_agree_with_one_run(int chunk)
    {
        using var run = new AttentionRun(_accelerator, _kernels, new(37, 120, 6, 2, 40));
        double[] whole = run.Attend(0, 37);
        double[] chunks = [.. Enumerable.Range(0, 37).Chunk(chunk).SelectMany(tokens => run.Attend(tokens[0], tokens.Length))];
        Assert.That(chunks, Is.EqualTo(whole).Within(Tolerance));
    }

    [Test]
    public void Context_of_one_gives_the_value_itself([Values(1, 4, 7)] int heads)
    {
        using var run = new AttentionRun(_accelerator, _kernels, new(1, 0, heads, 1, 80));
        double[] values = run.Values[..80];
        Assert.That(run.Attend(0, 1), Is.EqualTo(Enumerable.Repeat(values, heads).SelectMany(value => value)));
    }

    [Test]
    public void Huge_scores_take_the_value_of_the_largest([Values(1, 4)] int headsPerGroup, [Values(1, 3)] int tokens)
    {
        // scores up to 1e30: their exponentials would overflow, and all but one of them vanish
        using var run = new AttentionRun(_accelerator, _kernels, new(tokens, 300, headsPerGroup, 1, 16), queryScale: 1e30);
        double[] result = run.Attend(0, tokens);
        double[][] values = [.. run.Values.Chunk(16)];
        Assert.That(result.Chunk(16), Has.All.Matches<double[]>(head => values.Any(value => value.SequenceEqual(head))));
    }

    [Test]
    public void Equal_scores_give_the_mean([Values(1, 128, 129, 1000)] int positions)
    {
        using var run = new AttentionRun(_accelerator, _kernels, new(1, positions - 1, 3, 3, 8), queryScale: 0);
        double[] mean = [.. Enumerable.Range(0, 24).Select(i => run.Values.Where((_, at) => at % 24 == i).Take(positions).Average())];
        Assert.That(run.Attend(0, 1), Is.EqualTo(mean).Within(Tolerance));
    }
}
