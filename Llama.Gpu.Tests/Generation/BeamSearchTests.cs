using Llama.Gpu.Checkpoints;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Checkpoints;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Generation;

/// <summary>Beam search held against trying every sequence, on models small enough for that.</summary>
public sealed class BeamSearchTests
{
    private const int Vocabulary = 5;
    private const int Stop = 4;
    private static readonly int[] Prompt = [1, 2];

    [Test]
    public async Task Search_that_is_wide_enough_finds_what_trying_everything_finds(
        [Range(0, 9)] int seed, [Values(0.0, 1.0, 2.0, -0.5)] double penalty)
    {
        var options = new BeamSearchOptions { Width = 125, LengthPenalty = penalty, MaxTokens = 4, StopTokens = [Stop] };
        using var search = new BeamSearch(() => Random(seed));
        var found = await search.SearchAsync(Prompt, options);
        var all = TryEverything(() => Random(seed), Vocabulary, 4, penalty);
        Assert.That(found[0].Ids, Is.EqualTo(all[0].Ids));
        Assert.That(found.Select(beam => beam.Score), Is.EqualTo(all.Take(found.Length).Select(one => one.Score)).Within(1e-9));
        Assert.That(found, Has.Length.EqualTo(125));
    }

    [Test]
    public async Task Width_of_4_finds_the_best_sequence_of_a_random_model()
    {
        using var folder = new TemporaryFolder();
        SyntheticCheckpoint.Write(folder["model"], CheckpointBuilder.SmallModel, TensorType.Float32, seed: 3);
        using var checkpoint = Checkpoint.Open(folder["model"]);
        using var model = LlamaModel.Load(checkpoint, TestAccelerators.Sequential);
        IDecoderSession Session() => model.CreateSession(8);

        var all = TryEverything(Session, model.Config.VocabularySize, 3, penalty: 1.0, stop: 2);
        using var search = new BeamSearch(Session, [2]);
        var found = await search.SearchAsync(Prompt, new BeamSearchOptions { Width = 4, MaxTokens = 3 });
        Assert.That(found[0].Ids, Is.EqualTo(all[0].Ids));
        Assert.That(found[0].LogProbability, Is.EqualTo(all[0].LogProbability).Within(1e-5));
    }

    [Test]
    public async Task Width_of_1_is_greedy([Range(0, 19)] int seed)
    {
        using var session = Random(seed);
        var greedy = await new TextGenerator(session, endOfTextIds: [Stop])
            .CompleteAsync(Prompt, new GenerationOptions { MaxTokens = 8, LogProbabilities = 0 });
        using var search = new BeamSearch(() => Random(seed), [Stop]);
        var found = await search.SearchAsync(Prompt, new BeamSearchOptions { Width = 1, MaxTokens = 8 });
        Assert.That(found, Has.Length.EqualTo(1));
        Assert.That(found[0].Ids, Is.EqualTo(greedy.Ids));
        Assert.That(found[0].StopReason, Is.EqualTo(greedy.StopReason));
        Assert.That(found[0].LogProbability, Is.EqualTo(greedy.LogProbabilities.Sum(token => token.LogProbability)).Within(1e-9));
    }

    [Test]
    public async Task Better_sequence_behind_a_worse_beginning_is_found()
    {
        // 0 is likelier than 1 at first, but what follows 1 is certain
        static float[] Logits(IReadOnlyList<int> held) => held[^1] switch
        {
            9 => Of(0.55, 0.45, 0.0, 0.0),
            0 => Of(0.25, 0.25, 0.25, 0.25),
            _ => Of(0.0, 0.0, 0.0, 1.0),
        };
        using var search = new BeamSearch(() => new FakeSession(10, 20, 0) { Logits = Logits }, [3]);
        var narrow = await search.SearchAsync(new[] { 9 }, new BeamSearchOptions { Width = 1, MaxTokens = 2 });
        var wide = await search.SearchAsync(new[] { 9 }, new BeamSearchOptions { Width = 2, MaxTokens = 2 });
        Assert.That(narrow[0].Ids[0], Is.Zero);
        Assert.That(wide[0].Ids, Is.EqualTo(new[] { 1, 3 }));
        Assert.That(wide[0].LogProbability, Is.EqualTo(Math.Log(0.45)).Within(1e-6));
        Assert.That(wide[0].StopReason, Is.EqualTo(StopReason.StopToken));

        static float[] Of(params double[] probabilities) =>
            [.. probabilities.Select(p => p == 0 ? float.NegativeInfinity : (float)Math.Log(p)), .. Enumerable.Repeat(float.NegativeInfinity, 6)];
    }

    [Test]
    public async Task Early_stop_ends_with_the_first_texts_that_end()
    {
        // each token may be the last; later ones are likelier to be
        static float[] Logits(IReadOnlyList<int> held) => held.Count < 5 ? [1f, 0f, 0.9f, 0f, 0.8f] : [0f, 0f, 0f, 0f, 9f];
        var calls = new List<int>();
        async Task<int> Steps(bool early)
        {
            calls.Clear();
            using var search = new BeamSearch(
                () => new FakeSession(Vocabulary, 40, 0) { Logits = Logits, AfterForward = calls.Add }, [Stop]);
            await search.SearchAsync(Prompt, new BeamSearchOptions { Width = 2, MaxTokens = 20, EarlyStop = early, LengthPenalty = 2 });
            return calls.Count;
        }

        Assert.That(await Steps(early: true), Is.LessThan(await Steps(early: false)));
    }

    [Test]
    public async Task Full_context_ends_every_beam()
    {
        using var search = new BeamSearch(() => new FakeSession(Vocabulary, 4, 0) { Logits = _ => [1f, 2f, 3f, 4f, 0f] });
        var found = await search.SearchAsync(Prompt, new BeamSearchOptions { Width = 2, MaxTokens = 9 });
        Assert.That(found.Select(beam => beam.StopReason), Is.All.EqualTo(StopReason.ContextFull));
        Assert.That(found[0].Ids, Is.EqualTo(new[] { 3, 3, 3 }));
    }

    [Test]
    public async Task Prompt_of_the_search_before_is_not_computed_again()
    {
        var calls = new List<int>();
        using var search = new BeamSearch(() => new FakeSession(Vocabulary, 40, 0) { Logits = _ => [1f, 2f, 3f, 4f, 0f], AfterForward = calls.Add });
        var options = new BeamSearchOptions { Width = 1, MaxTokens = 1 };
        await search.SearchAsync(new[] { 0, 1, 2, 3 }, options);
        await search.SearchAsync(new[] { 0, 1, 2, 0, 1 }, options);
        Assert.That(calls, Is.EqualTo(new[] { 4, 2 }));
    }

    [Test]
    public void Arguments_are_checked()
    {
        using var search = new BeamSearch(() => Random(0));
        Assert.That(async () => await search.SearchAsync(Array.Empty<int>()), Throws.ArgumentException);
        BeamSearchOptions[] wrong =
            [new() { Width = 0 }, new() { MaxTokens = 0 }, new() { LengthPenalty = double.NaN }, new() { LengthPenalty = double.PositiveInfinity }];
        foreach (var options in wrong)
        {
            Assert.That(async () => await search.SearchAsync(Prompt, options), Throws.TypeOf<ArgumentOutOfRangeException>());
        }

        Assert.That(async () => await search.SearchAsync(new int[60]), Throws.TypeOf<ContextOverflowException>());
    }

    // logits that depend on every id before
    private static FakeSession Random(int seed) => new(Vocabulary, 50, 0)
    {
        Logits = held =>
        {
            int hash = held.Aggregate(seed + 17, (sum, id) => unchecked((sum * 31) + id + 1));
            var random = new Random(hash);
            return [.. Enumerable.Range(0, Vocabulary).Select(_ => random.NextSingle() * 4)];
        },
    };

    // every sequence that ends with the stop token or at the greatest length, the best first; in double precision, one by one
    private static List<(int[] Ids, double LogProbability, double Score)> TryEverything(
        Func<IDecoderSession> create, int vocabulary, int length, double penalty, int stop = Stop)
    {
        var ended = new List<(int[] Ids, double LogProbability, double Score)>();
        Follow([], 0.0);
        return [.. ended.OrderByDescending(one => one.Score)];

        void Follow(int[] ids, double logProbability)
        {
            using var session = create();
            double[] logits = [.. session.Forward([.. Prompt, .. ids]).ToArray().Select(logit => (double)logit)];
            double normalizer = Math.Log(logits.Sum(Math.Exp));
            for (int id = 0; id < vocabulary; id++)
            {
                int[] longer = [.. ids, id];
                double sum = logProbability + logits[id] - normalizer;
                if (id == stop || longer.Length == length)
                {
                    ended.Add((longer, sum, sum / Math.Pow(longer.Length, penalty)));
                }
                else
                {
                    Follow(longer, sum);
                }
            }
        }
    }
}
