using Llama.Gpu.Checkpoints;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Reference;
using NUnit.Framework;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>Perplexity against the reference transformer in double precision.</summary>
public sealed class PerplexityTests
{
    private LogitsFixture _fixture = null!;
    private Checkpoint _checkpoint = null!;
    private LlamaModel _model = null!;

    [OneTimeSetUp]
    public void Load()
    {
        _fixture = LogitsFixture.Load("gqa-scaled-untied");
        _checkpoint = _fixture.Open();
        _model = LlamaModel.Load(_checkpoint, TestAccelerators.Sequential);
    }

    [OneTimeTearDown]
    public void Dispose()
    {
        _model.Dispose();
        _checkpoint.Dispose();
    }

    [TestCase(64, null, false)]
    [TestCase(40, null, false)]
    [TestCase(39, null, false)]
    [TestCase(16, null, false)]
    [TestCase(16, 5, true)]
    [TestCase(16, 1, true)]
    [TestCase(16, 14, true)]
    public void Perplexity_is_that_of_the_reference(int context, int? stride, bool begins)
    {
        int[] ids = _fixture.Tokens;
        int step = stride ?? context / 2;
        int[] begin = begins ? [ids[0]] : [];
        var reference = new ReferenceTransformer(_checkpoint);
        double expected = 0;
        for (int target = 1; target < ids.Length; target++)
        {
            // what the target is foreseen from, as the documentation has it
            int[] seen = ids[..target];
            if (target > context)
            {
                int window = (target - context - 1) / step;
                int end = Math.Min(ids.Length, context + 1 + ((window + 1) * step));
                seen = [.. begin, .. ids[(end - 1 - (context - begin.Length))..target]];
                Assert.That(seen, Has.Length.AtLeast(context - step));
            }

            double[] logits = reference.Forward(seen)[^_model.Config.VocabularySize..];
            double max = logits.Max();
            expected += max + Math.Log(logits.Sum(logit => Math.Exp(logit - max))) - logits[ids[target]];
        }

        using var session = _model.CreateSession(context, new() { CacheType = TensorType.Float32 });
        var reports = new List<PerplexityResult>();
        var result = Perplexity.Measure(session, ids, stride, begins ? ids[0] : null, new Recorder(reports));
        Assert.That(result.ScoredTokens, Is.EqualTo(ids.Length - 1));
        Assert.That(result.NegativeLogLikelihood, Is.EqualTo(expected).Within(1e-4));
        Assert.That(result.Perplexity, Is.EqualTo(Math.Exp(expected / (ids.Length - 1))).Within(3e-4).Percent);
        Assert.That(reports[^1], Is.EqualTo(result));
    }

    [Test]
    public void Arguments_are_checked()
    {
        using var session = _model.CreateSession(8);
        Assert.That(() => Perplexity.Measure(session, [1]), Throws.ArgumentException);
        Assert.That(() => Perplexity.Measure(session, [1, 2], stride: 0), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => Perplexity.Measure(session, [1, 2], stride: 8), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => Perplexity.Measure(session, [1, 2], stride: 7, beginOfTextId: 1), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    private sealed class Recorder(List<PerplexityResult> reports) : IProgress<PerplexityResult>
    {
        public void Report(PerplexityResult value) => reports.Add(value);
    }
}
