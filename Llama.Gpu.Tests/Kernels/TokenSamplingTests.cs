using FsCheck;
using FsCheck.Fluent;
using Llama.Gpu.Generation;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Generation;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>The choice of a token on a device: the one that the host's sampler takes, always, and that of the double reference.</summary>
[TestFixture("cpu")]
[TestFixture("sanitized")]
[TestFixture("simd")]
[TestFixture("opencl")]
public sealed class TokenSamplingTests(string device)
{
    private static readonly Gen<(float[] Logits, SamplingOptions Options)> Cases =
        from size in Gen.OneOf(Gen.Choose(1, 70), Gen.Choose(1, 3000))
        from levels in Gen.Elements(1, 4, 1000, 100_000)
        from spread in Gen.Elements(3, 10, 40)
        from logits in Gen.Choose(-spread * levels, spread * levels).Select(n => n == -spread * levels ? float.NegativeInfinity : (float)n / levels)
            .ArrayOf(size)
        from peak in Gen.Choose(0, size - 1)
        from temperature in Gen.Elements(0.0, 0.05, 0.7, 1.0, 2.5, 100.0)
        from topK in Gen.Elements(0, 0, 1, 3, 40, 1000)
        from topP in Gen.Elements(1.0, 1.0, 0.95, 0.71, 0.3, 0.0)
        from minP in Gen.Elements(0.0, 0.0, 0.02, 0.33, 1.0)
        from seed in Gen.Choose(0, int.MaxValue)
        select (
            logits.Select((logit, id) => id == peak && float.IsNegativeInfinity(logit) ? -0f : logit).ToArray(),
            new SamplingOptions { Temperature = temperature, TopK = topK, TopP = topP, MinP = minP, Seed = (ulong)seed * 0x9E3779B97F4A7C15UL });

    private Accelerator _accelerator = null!;
    private TokenSampling _sampling = null!;

    [OneTimeSetUp]
    public void Open()
    {
        _accelerator = device switch
        {
            "cpu" => TestAccelerators.Sequential,
            "sanitized" => TestAccelerators.Sanitized,
            "simd" => SimdAccelerators.Of(512),
            _ => TestAccelerators.OpenCl,
        };
        LaunchShapes shapes = LaunchShapes.For(_accelerator);
        _sampling = new(_accelerator, shapes with { ElementsPerLane = Math.Min(shapes.ElementsPerLane, 64) });
    }

    [Test]
    public void Token_is_the_one_of_the_host_and_of_the_reference()
    {
        int compared = 0;
        Prop.ForAll(Arb.From(Cases), sample =>
        {
            int position = (sample.Logits.Length * 7) % 100;
            var history = new int[position + 3];
            int expected = new Sampler(sample.Options).Sample(sample.Logits, history);
            using var run = new Run(_accelerator, _sampling, sample.Logits.Length);
            for (int turn = 0; turn < 2; turn++)
            {
                Assert.That(run.Choose(sample.Logits, sample.Options, position, 3), Is.EqualTo(expected), "with what the turn before left behind");
                Assert.That(run.Step, Is.EqualTo(new[] { position + 3, expected }));
            }

            if (sample.Options.Temperature > 0)
            {
                var (probabilities, margin) = ReferenceSampler.Distribution(sample.Logits, [], sample.Options);
                double uniform = ExactWeights.Uniform(sample.Options.Seed!.Value, (ulong)history.Length);
                double before = probabilities[..expected].Sum();
                if (margin > 1e-9)
                {
                    compared++;
                    Assert.That(uniform, Is.InRange(before - 1e-9, before + probabilities[expected] + 1e-9));
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(device == "sanitized" ? 8 : 60).WithReplay(20250102, 5));
        Assert.That(compared, Is.GreaterThan(device == "sanitized" ? 2 : 25));
    }

    [Test]
    public void Vocabulary_of_Llama_3_and_as_many_equal_logits()
    {
        const int Vocabulary = 128_256;
        if (device == "sanitized")
        {
            Assert.Ignore("minutes, lane by lane");
        }

        var random = new Random(5);
        float[] normal = [.. Enumerable.Range(0, Vocabulary).Select(_ => (float)(random.NextDouble() + random.NextDouble() + random.NextDouble()) * 8)];
        using var run = new Run(_accelerator, _sampling, Vocabulary);
        foreach (float[] logits in new[] { normal, new float[Vocabulary] })
        {
            foreach (var options in new SamplingOptions[]
            {
                new(), new() { Temperature = 1, Seed = 1 }, new() { Temperature = 0.8, TopK = 40, TopP = 0.95, Seed = 2 },
                new() { Temperature = 3, TopP = 0.9, MinP = 0.001, Seed = 3 }, new() { Temperature = 1.5, TopK = 100_000, TopP = 0.5, Seed = 4 },
            })
            {
                Assert.That(run.Choose(logits, options, 6, 1), Is.EqualTo(new Sampler(options).Sample(logits, new int[7])), options.ToString());
            }
        }
    }

    [TestCase(1)]
    [TestCase(33)]
    [TestCase(4000)]
    public void Case_of_the_benchmark_is_right(int vocabulary) =>
        Assert.That(SamplingCases.Choice(vocabulary).Check(_accelerator, new KernelSet(_accelerator)), Is.Null);

    [TestCase(float.NaN, 3f)]
    [TestCase(float.PositiveInfinity, 3f)]
    [TestCase(float.NegativeInfinity, float.NegativeInfinity)]
    public void Logits_that_are_not_numbers_choose_nothing_and_leave_nothing_behind(float odd, float others)
    {
        float[] logits = [.. Enumerable.Repeat(others, 100)];
        logits[70] = odd;
        using var run = new Run(_accelerator, _sampling, logits.Length);
        foreach (double temperature in new[] { 0.0, 1.0 })
        {
            var options = new SamplingOptions { Temperature = temperature, TopP = 0.9, Seed = 9 };
            Assert.That(run.Choose(logits, options, 0, 1), Is.EqualTo(-1));
            Assert.That(run.Step, Is.EqualTo(new[] { 1, 0 }));
            float[] sound = [.. Enumerable.Range(0, 100).Select(id => id * 0.1f)];
            Assert.That(run.Choose(sound, options, 0, 1), Is.EqualTo(new Sampler(options).Sample(sound, new int[1])));
        }
    }

    [Test]
    public void Scratch_memory_has_its_size() => Assert.Multiple(() =>
    {
        using var longs = _accelerator.Allocate1D<long>(SamplingScratch.LongCount(9));
        using var ints = _accelerator.Allocate1D<int>(SamplingScratch.IntCount(9));
        Assert.That(() => SamplingScratch.Create(longs.View, ints.View, 9), Throws.Nothing);
        Assert.That(() => SamplingScratch.Create(longs.View, ints.View, 10), Throws.ArgumentException.With.Message.Contains("found"));
        Assert.That(
            () => SamplingScratch.Create(longs.View, ints.View, ExactWeights.MaxVocabulary + 1),
            Throws.ArgumentException.With.Message.Contains("524287"));
    });

    private sealed class Run : IDisposable
    {
        private readonly Accelerator _accelerator;
        private readonly TokenSampling _sampling;
        private readonly int _vocabulary;
        private readonly MemoryBuffer1D<long, Stride1D.Dense> _longs;
        private readonly MemoryBuffer1D<int, Stride1D.Dense> _ints;
        private readonly MemoryBuffer1D<long, Stride1D.Dense> _choice;
        private readonly MemoryBuffer1D<int, Stride1D.Dense> _step;
        private readonly MemoryBuffer1D<float, Stride1D.Dense> _logits;
        private readonly SamplingScratch _scratch;

        public Run(Accelerator accelerator, TokenSampling sampling, int vocabulary)
        {
            _accelerator = accelerator;
            _sampling = sampling;
            _vocabulary = vocabulary;
            _longs = accelerator.Allocate1D<long>(SamplingScratch.LongCount(vocabulary));
            _ints = accelerator.Allocate1D<int>(SamplingScratch.IntCount(vocabulary));
            _choice = accelerator.Allocate1D<long>(TokenChoice.Length);
            _step = accelerator.Allocate1D<int>(3);
            _logits = accelerator.Allocate1D<float>(vocabulary);
            _scratch = SamplingScratch.Create(_longs.View, _ints.View, vocabulary);
        }

        /// <summary>Position and token, as the next step finds them.</summary>
        public int[] Step => _step.GetAsArray1D()[..2];

        public int Choose(float[] logits, SamplingOptions options, int position, int tokens)
        {
            ArrayView<int> step = _step.View;
            _logits.View.BaseView.CopyFromCPU(logits);
            step.CopyFromCPU([position, -7, -7]);
            var choice = new TokenChoice(
                options.Temperature, options.TopK, options.TopP, options.MinP, options.Seed ?? 0, (ulong)(position + tokens));
            _choice.View.BaseView.CopyFromCPU(choice.Encode(position + tokens));
            _sampling.Run(
                _accelerator.DefaultStream,
                _logits.View,
                _scratch,
                _choice.View,
                step.SubView(0, 1),
                step.SubView(1, 1),
                step.SubView(2, 1),
                _vocabulary,
                tokens);
            _accelerator.DefaultStream.Synchronize();
            return _step.GetAsArray1D()[2];
        }

        public void Dispose()
        {
            _longs.Dispose();
            _ints.Dispose();
            _choice.Dispose();
            _step.Dispose();
            _logits.Dispose();
        }
    }
}
