using Llama.Gpu.Generation;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Generation;

public sealed class LogProbabilityTests
{
    private static readonly float[] Logits = [2f, 1f, 3f, -4f];

    [Test]
    public async Task Log_probabilities_are_the_models_own_and_come_with_the_tokens()
    {
        using var session = new FakeSession(4, 100, 0) { Logits = _ => Logits };
        var pieces = new List<GeneratedPiece>();
        var options = new GenerationOptions
        {
            MaxTokens = 2, LogProbabilities = 3, Sampling = new SamplingOptions { RepetitionPenalty = 3, Temperature = 0 },
        };
        await foreach (var piece in new TextGenerator(session).GenerateAsync(new[] { 2 }, options))
        {
            pieces.Add(piece);
        }

        // the penalty took the likeliest away, and what the model said stays
        double normalizer = Math.Log(Logits.Sum(logit => Math.Exp(logit)));
        var result = pieces[^1].Result!;
        Assert.That(result.Ids[0], Is.Zero);
        Assert.That(result.LogProbabilities, Has.Length.EqualTo(2));
        Assert.That(result.LogProbabilities[0].Id, Is.Zero);
        Assert.That(result.LogProbabilities[0].LogProbability, Is.EqualTo(2 - normalizer).Within(1e-12));
        Assert.That(result.LogProbabilities[0].Top.Select(entry => entry.Id), Is.EqualTo(new[] { 2, 0, 1 }));
        Assert.That(result.LogProbabilities[0].Top.Select(entry => entry.LogProbability), Is.EqualTo(new[] { 3, 2, 1 }.Select(x => x - normalizer)).Within(1e-12));
        Assert.That(pieces.SelectMany(piece => piece.LogProbabilities), Is.EqualTo(result.LogProbabilities));
    }

    [Test]
    public async Task Nothing_is_computed_that_nobody_asks_for()
    {
        using var session = new FakeSession(4, 100, 0) { Logits = _ => Logits };
        var result = await new TextGenerator(session).CompleteAsync(new[] { 2 }, new GenerationOptions { MaxTokens = 2 });
        Assert.That(result.LogProbabilities, Is.Empty);
        Assert.That(
            () => new TextGenerator(session).GenerateAsync(new[] { 2 }, new GenerationOptions { LogProbabilities = -1 }),
            Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [TestCase(float.NaN, 0f)]
    [TestCase(float.PositiveInfinity, 0f)]
    [TestCase(float.NegativeInfinity, float.NegativeInfinity)]
    public void Logits_that_are_no_numbers_are_refused(float first, float second) =>
        Assert.That(() => LogSoftmax.Normalizer([first, second]), Throws.TypeOf<SamplingException>());

    [Test]
    public void Large_logits_neither_overflow_nor_vanish()
    {
        Assert.That(LogSoftmax.Normalizer([10000f, 10000f]), Is.EqualTo(10000 + Math.Log(2)).Within(1e-9));
        Assert.That(LogSoftmax.Normalizer([-10000f, float.NegativeInfinity]), Is.EqualTo(-10000).Within(1e-9));
    }
}
