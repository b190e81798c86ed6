using FsCheck;
using FsCheck.Fluent;
using Llama.Gpu.Generation;
using Llama.Gpu.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Generation;

public sealed class SamplerTests
{
    private static readonly Config Quiet = Config.QuickThrowOnFailure.WithMaxTest(1000).WithReplay(20250101, 5);

    private static readonly Gen<(float[] Logits, int[] History, SamplingOptions Options)> Cases =
        from size in Gen.Choose(1, 60)
        from levels in Gen.Elements(4, 1000, 1000)
        from logits in Gen.Choose(-10 * levels, 10 * levels).Select(n => (float)n / levels).ArrayOf(size)
        from history in Gen.Choose(0, size - 1).ArrayOf()
        from temperature in Gen.Elements(0.05, 0.7, 1.0, 2.5)
        from topK in Gen.Elements(0, 0, 1, 3, 40, 1000)
        from topP in Gen.Elements(1.0, 1.0, 0.95, 0.71, 0.3, 0.0)
        from minP in Gen.Elements(0.0, 0.0, 0.02, 0.33, 1.0)
        from penalty in Gen.Elements(1.0, 1.0, 1.1, 1.7, 0.8)
        select (logits, history, new SamplingOptions
        {
            Temperature = temperature, TopK = topK, TopP = topP, MinP = minP, RepetitionPenalty = penalty, Seed = 1,
        });

    [Test]
    public void Distribution_is_that_of_the_reference()
    {
        int compared = 0;
        Prop.ForAll(Arb.From(Cases), sample =>
        {
            var (expected, margin) = ReferenceSampler.Distribution(sample.Logits, sample.History, sample.Options);
            if (margin < 1e-9)
            {
                return;
            }

            compared++;
            var found = new double[expected.Length];
            foreach (var (id, probability) in new Sampler(sample.Options).Distribution(sample.Logits, sample.History))
            {
                found[id] = probability;
            }

            Assert.That(found, Is.EqualTo(expected).Within(1e-12));
        }).Check(Quiet);
        Assert.That(compared, Is.GreaterThan(700));
    }

    [Test]
    public void Greedy_takes_the_largest_penalized_logit_with_the_lowest_id()
    {
        Prop.ForAll(Arb.From(Cases), sample =>
        {
            var options = sample.Options with { Temperature = 0 };
            float penalty = (float)options.RepetitionPenalty;
            float[] scores = [.. sample.Logits];
            foreach (int id in sample.History.Distinct())
            {
                scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
            }

            Assert.That(new Sampler(options).Sample(sample.Logits, sample.History), Is.EqualTo(Array.IndexOf(scores, scores.Max())));
        }).Check(Quiet);
    }

    [Test]
    public void Sample_only_gives_tokens_of_the_distribution_and_repeats_itself()
    {
        Prop.ForAll(Arb.From(Cases), sample =>
        {
            var sampler = new Sampler(sample.Options);
            int id = sampler.Sample(sample.Logits, sample.History);
            Assert.That(sampler.Distribution(sample.Logits, sample.History).Select(entry => entry.Id), Contains.Item(id));
            Assert.That(sampler.Sample(sample.Logits, sample.History), Is.EqualTo(id));
            Assert.That(new Sampler(sample.Options).Sample(sample.Logits, sample.History), Is.EqualTo(id));
        }).Check(Quiet);
    }

    [TestCase(1.0, 0, 1.0, 0.0)]
    [TestCase(0.6, 0, 1.0, 0.0)]
    [TestCase(1.0, 5, 1.0, 0.0)]
    [TestCase(1.3, 0, 0.9, 0.0)]
    [TestCase(1.0, 0, 1.0, 0.1)]
    public void Draws_follow_the_distribution(double temperature, int topK, double topP, double minP)
    {
        const int Draws = 20_000;
        float[] logits = [1.5f, -0.3f, 0.0f, 2.0f, 1.1f, -2.5f, 0.4f, 0.9f];
        var sampler = new Sampler(new SamplingOptions { Temperature = temperature, TopK = topK, TopP = topP, MinP = minP, Seed = 42 });
        var counts = new int[logits.Length];
        var history = new int[Draws];
        for (int draw = 0; draw < Draws; draw++)
        {
            counts[sampler.Sample(logits, history.AsSpan(0, draw))]++;
        }

        var distribution = sampler.Distribution(logits, []);
        double chiSquare = distribution.Sum(entry =>
            Math.Pow(counts[entry.Id] - (entry.Probability * Draws), 2) / (entry.Probability * Draws));

        // seven degrees of freedom at most: 24.3 is exceeded by one honest generator in a thousand
        Assert.That(chiSquare, Is.LessThan(24.3));
        Assert.That(distribution.Sum(entry => counts[entry.Id]), Is.EqualTo(Draws));
    }

    [Test]
    public void Seeds_give_the_same_tokens_for_ever()
    {
        float[] logits = [.. Enumerable.Range(0, 1000).Select(i => (i * 7919 % 1000) / 250f)];
        int[] Draw(ulong seed)
        {
            var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = seed });
            return [.. Enumerable.Range(0, 6).Select(n => sampler.Sample(logits, new int[n]))];
        }

        // from the same definition written down in Python: a change of generator, of exponential or of order shows
        Assert.That(Draw(0), Is.EqualTo(new[] { 882, 433, 26, 966, 106, 323 }));
        Assert.That(Draw(1), Is.EqualTo(new[] { 747, 372, 437, 952, 202, 595 }));
        Assert.That(Draw(ulong.MaxValue), Is.EqualTo(new[] { 643, 704, 316, 26, 830, 55 }));
    }

    [Test]
    public void Uniform_is_uniform_over_indices_and_over_seeds()
    {
        var overIndices = Enumerable.Range(0, 100_000).Select(i => ExactWeights.Uniform(7, (ulong)i)).ToArray();
        var overSeeds = Enumerable.Range(0, 100_000).Select(i => ExactWeights.Uniform((ulong)i, 0)).ToArray();
        foreach (var values in new[] { overIndices, overSeeds })
        {
            Assert.That(values, Has.All.InRange(0.0, 1.0).And.All.LessThan(1.0));
            int[] bins = new int[100];
            foreach (double value in values)
            {
                bins[(int)(value * 100)]++;
            }

            // 99 degrees of freedom: 149 is exceeded by one in a thousand
            Assert.That(bins.Sum(bin => Math.Pow(bin - 1000, 2) / 1000), Is.LessThan(149));
        }
    }

    [Test]
    public void Exponential_agrees_with_the_library()
    {
        for (double x = 0; x > -707; x -= 0.0137)
        {
            double expected = Math.Exp(x);
            Assert.That(Math.Abs(ExactWeights.ExpOfNonPositive(x) - expected), Is.LessThanOrEqualTo(4e-16 * expected));
        }

        Assert.That(ExactWeights.ExpOfNonPositive(0), Is.EqualTo(1.0));
        Assert.That(ExactWeights.ExpOfNonPositive(-708.5), Is.Zero);
        Assert.That(ExactWeights.ExpOfNonPositive(double.NegativeInfinity), Is.Zero);
    }

    [Test]
    public void Weights_have_the_same_bits_one_by_one_and_in_vectors()
    {
        for (int length = 0; length <= 70; length++)
        {
            float[] scores = [.. Enumerable.Range(0, length).Select(i => i % 9 == 4 ? float.NegativeInfinity : -(i * i * 0.37f) + 2)];
            var weights = new long[length];
            PortableMath.Weights(scores, 2f, 0.8, weights);
            Assert.That(weights, Is.EqualTo(scores.Select(score => ExactWeights.Of(score, 2f, 0.8))).AsCollection);
        }
    }

    [TestCase(0.0)]
    [TestCase(1.0)]
    public void Nan_logit_is_a_typed_error_naming_the_token(double temperature)
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = temperature });
        Assert.That(() => sampler.Sample([1f, 2f, float.NaN, 5f], []), Throws.TypeOf<SamplingException>().With.Message.Contains("token 2"));
        Assert.That(() => sampler.Sample([float.NaN], []), Throws.TypeOf<SamplingException>());
    }

    [Test]
    public void Infinite_logits_are_typed_errors_unless_they_bar_a_token()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1 });
        Assert.That(() => sampler.Sample([1f, float.PositiveInfinity], []), Throws.TypeOf<SamplingException>());
        Assert.That(() => sampler.Sample([float.NegativeInfinity, float.NegativeInfinity], []), Throws.TypeOf<SamplingException>());
        for (int draw = 0; draw < 100; draw++)
        {
            Assert.That(sampler.Sample([float.NegativeInfinity, 0f, 1f], new int[draw]), Is.Not.Zero);
        }
    }

    [TestCase(1e-300)]
    [TestCase(double.Epsilon)]
    public void Smallest_temperatures_are_greedy(double temperature) =>
        Assert.That(new Sampler(new SamplingOptions { Temperature = temperature }).Sample([1f, 3f, 2f], []), Is.EqualTo(1));

    [Test]
    public void Largest_temperature_is_even()
    {
        var distribution = new Sampler(new SamplingOptions { Temperature = double.MaxValue }).Distribution([1f, 30f, -20f], []);
        Assert.That(distribution.Select(entry => entry.Probability), Is.All.EqualTo(1.0 / 3).Within(1e-15));
    }

    [Test]
    public void Top_k_keeps_the_lowest_ids_of_equal_logits()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, TopK = 3 });
        Assert.That(sampler.Distribution([1f, 0f, -0f, 0f, 0f, 2f], []).Select(entry => entry.Id), Is.EqualTo(new[] { 0, 1, 5 }));
    }

    [Test]
    public void Nucleus_of_a_flat_distribution_has_its_exact_size()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, TopP = 0.5 });
        Assert.That(sampler.Distribution(new float[1024], []).Select(entry => entry.Id), Is.EqualTo(Enumerable.Range(0, 512)));
    }

    [Test]
    public void History_outside_the_vocabulary_is_an_argument_error() =>
        Assert.That(
            () => new Sampler(new SamplingOptions { RepetitionPenalty = 2 }).Sample([1f, 2f], [2]),
            Throws.TypeOf<ArgumentOutOfRangeException>());

    [Test]
    public void Fresh_seeds_differ()
    {
        var seeds = Enumerable.Range(0, 20).Select(_ => new Sampler(new SamplingOptions()).Seed).Distinct();
        Assert.That(seeds.Count(), Is.GreaterThan(15));
    }

    private static IEnumerable<TestCaseData> WrongOptions()
    {
        yield return new(new SamplingOptions { Temperature = -0.1 }, "Temperature");
        yield return new(new SamplingOptions { Temperature = double.NaN }, "Temperature");
        yield return new(new SamplingOptions { Temperature = double.PositiveInfinity }, "Temperature");
        yield return new(new SamplingOptions { TopK = -1 }, "TopK");
        yield return new(new SamplingOptions { TopP = 1.01 }, "TopP");
        yield return new(new SamplingOptions { TopP = double.NaN }, "TopP");
        yield return new(new SamplingOptions { MinP = -0.5 }, "MinP");
        yield return new(new SamplingOptions { RepetitionPenalty = 0 }, "RepetitionPenalty");
        yield return new(new SamplingOptions { RepetitionPenalty = 1e300 }, "RepetitionPenalty");
    }

    [TestCaseSource(nameof(WrongOptions))]
    public void Option_out_of_range_is_named(SamplingOptions options, string name) =>
        Assert.That(
            () => new Sampler(options),
            Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.StartsWith($"{name}: expected ").And.Message.Contains("found "));
}
