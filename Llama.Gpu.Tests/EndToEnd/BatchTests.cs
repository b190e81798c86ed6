using System.Text.Json;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Generation;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using Llama.Gpu.Tests.Scheduling;
using NUnit.Framework;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>Several sequences of different lengths in one pass: each gets what it gets alone, and the weights are read once.</summary>
public sealed class BatchTests
{
    /// <summary>Largest difference of a logit from that of a run alone, over the largest logit: the order of the sums differs.</summary>
    private const double Tolerance = 2e-5;

    private static readonly (int[] Prompt, int[] Ids)[] Expected = ReadExpected();

    [Test]
    public void Batched_greedy_ids_are_those_of_single_runs([Values("cpu", "simd", "opencl")] string device)
    {
        // stories as well as answers: they run for different times, so that the batch shrinks from 6 to 1
        int most = device == "simd" ? 24 : 8;
        using Checkpoint checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        using var model = LlamaModel.Load(checkpoint, Accelerator(device));
        var cases = Expected.Take(5).Append(Expected[^1]).ToArray();
        DecoderSession[] sessions = [.. cases.Select(_ => Session(model))];
        DecoderSession[] alone = [.. cases.Select(_ => Session(model))];
        var found = cases.Select(_ => new List<int>()).ToArray();
        int[] running = [.. Enumerable.Range(0, cases.Length)];
        while (running.Length > 0)
        {
            int[][] tokens = [.. running.Select(i => found[i].Count == 0 ? cases[i].Prompt : [found[i][^1]])];
            float[][] logits = Batch(sessions[running[0]], running.Zip(tokens, (i, ids) => new BatchEntry(sessions[i], ids)));
            for (int k = 0; k < running.Length; k++)
            {
                Assert.That(Difference(logits[k], alone[running[k]].Forward(tokens[k])), Is.LessThan(Tolerance));
                found[running[k]].Add(Array.IndexOf(logits[k], logits[k].Max()));
            }

            running = [.. running.Where(i => found[i].Count < Math.Min(most, cases[i].Ids.Length))];
        }

        for (int i = 0; i < cases.Length; i++)
        {
            Assert.That(found[i], Is.EqualTo(cases[i].Ids.Take(most)), $"case {i}");
            Assert.That(sessions[i].Position, Is.EqualTo(alone[i].Position));
        }

        Array.ForEach([.. sessions, .. alone], session => session.Dispose());
    }

    [Test]
    public void Batch_of_more_tokens_than_a_chunk_holds_agrees_too([Values(1, 2, 3, 7)] int chunk)
    {
        using var random = new RandomModel(seed: 5);
        using Checkpoint checkpoint = random.Open();
        using var model = LlamaModel.Load(checkpoint, SimdAccelerators.Of(256));
        int[] tokens = StreamedModelTests.Tokens(random, 40);
        int[] lengths = [1, 5, 1, 9, 2];
        using DecoderSession first = model.CreateSession(40, new() { ChunkLength = chunk });
        DecoderSession[] sessions = [first, .. lengths.Skip(1).Select(length => model.CreateSession(length + 1))];
        for (int round = 0; round < 2; round++)
        {
            int[][] steps = [.. lengths.Select((length, i) => tokens.AsSpan(i, round == 0 ? length : 1).ToArray())];
            float[][] logits = Batch(first, sessions.Zip(steps, (session, step) => new BatchEntry(session, step)));
            for (int i = 0; i < sessions.Length; i++)
            {
                using DecoderSession alone = model.CreateSession(40);
                int[] held = [.. tokens.AsSpan(i, lengths[i]), .. round == 0 ? [] : steps[i]];
                Assert.That(Difference(logits[i], alone.Forward(held)), Is.LessThan(Tolerance), $"entry {i}");
            }
        }

        Array.ForEach(sessions, session => session.Dispose());
    }

    [Test]
    public void Streamed_batch_gives_the_bits_of_a_resident_one_and_streams_once([Range(1, 4)] int seed)
    {
        const int Count = 5;
        using var random = new RandomModel(seed);
        using Checkpoint checkpoint = random.Open();
        Accelerator accelerator = SimdAccelerators.Of(256);
        using var resident = LlamaModel.Load(checkpoint, accelerator);

        // room for all sessions
        var one = StreamedModelTests.Request(accelerator, random, 0, seed);
        ModelLayout layout = ModelLayout.Of(checkpoint);
        var all = (one with { ContextLength = 64 * Count, ChunkLength = Count * Count }).For(accelerator, layout);
        all = all with { Scratch = all.Scratch with { AttentionPartLength = all.Scratch.AttentionPartLength * Count } };
        long budget = MemoryPlan.Smallest(layout, all with { BudgetBytes = long.MaxValue });
        using var streamed = LlamaModel.Load(checkpoint, accelerator, all with { BudgetBytes = budget });
        Assert.That(streamed.Plan.Streams, Is.True);
        float[][] expected = Run(resident), found = Run(streamed);
        Assert.That(found, Is.EqualTo(expected));

        float[][] Run(LlamaModel model)
        {
            DecoderSession[] sessions = [.. Enumerable.Range(0, Count).Select(_ => model.CreateSession(6, new() { ChunkLength = Count }))];
            var logits = new List<float[]>();
            for (int step = 0; step < 4; step++)
            {
                logits.AddRange(Batch(sessions[0], sessions.Select((session, i) => new BatchEntry(session, new[] { (step * 7) + i }))));
            }

            if (model.Plan.Streams)
            {
                long pass = model.Plan.Steps.Sum(plan => plan.Streamed.Sum(piece => piece.Bytes));
                Assert.That(model.Streaming.Bytes, Is.InRange(4 * pass, (4 * pass) + (model.Plan.SlotBytes * model.Plan.SlotCount)));
            }

            Array.ForEach(sessions, session => session.Dispose());
            return [.. logits];
        }
    }

    [Test]
    public void What_cannot_be_done_leaves_every_session_where_it_was()
    {
        using var random = new RandomModel(seed: 2);
        using Checkpoint checkpoint = random.Open();
        using var model = LlamaModel.Load(checkpoint, SimdAccelerators.Of(256));
        using var other = LlamaModel.Load(checkpoint, SimdAccelerators.Of(256));
        using DecoderSession one = model.CreateSession(4), two = model.CreateSession(2), foreign = other.CreateSession(4);
        Batch(one, [new(one, new[] { 1 }), new(two, new[] { 1 })]);

        BatchEntry step = new(one, new[] { 2 });
        Assert.That(() => Batch(one, [step, new(two, new[] { 2, 3 })]), Throws.TypeOf<ContextOverflowException>());
        Assert.That(() => Batch(one, [step, new(two, new[] { model.Config.VocabularySize })]), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => Batch(one, [step, new(two, Array.Empty<int>())]), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => Batch(one, [step, step]), Throws.ArgumentException);
        Assert.That(
            () => one.TryForwardBatch([step, new(two, new[] { 2 })], (_, _) => { }, new CancellationToken(canceled: true)),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(one.TryForwardBatch([step, new(foreign, new[] { 2 })], (_, _) => { }), Is.False, "another model");
        two.Observer = (_, _, _) => { };
        Assert.That(one.TryForwardBatch([step, new(two, new[] { 2 })], (_, _) => { }), Is.False, "observed");
        Assert.That((one.Position, two.Position, foreign.Position), Is.EqualTo((1, 1, 0)));

        two.Observer = null;
        using DecoderSession alone = model.CreateSession(4);
        float[][] after = Batch(two, [new(two, new[] { 2 }), step]);
        Assert.That(Difference(after[1], alone.Forward([1, 2])), Is.LessThan(Tolerance));
    }

    [Test]
    public async Task Beams_in_one_pass_are_those_in_turns()
    {
        using Checkpoint checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        using var model = LlamaModel.Load(checkpoint, SimdAccelerators.Of(256));
        var options = new BeamSearchOptions { Width = 4, MaxTokens = 12 };
        using var together = new BeamSearch(() => Session(model), model.Config.EndOfTextIds);
        using var inTurns = new BeamSearch(() => new SingleSession(Session(model)), model.Config.EndOfTextIds);
        foreach (var (prompt, _) in Expected.Take(3))
        {
            var found = await together.SearchAsync(prompt, options);
            var expected = await inTurns.SearchAsync(prompt, options);
            Assert.That(found.Select(beam => beam.Ids), Is.EqualTo(expected.Select(beam => beam.Ids)));
            Assert.That(found.Select(beam => beam.Score), Is.EqualTo(expected.Select(beam => beam.Score)).Within(1e-5));
        }
    }

    private static Accelerator Accelerator(string device) => device switch
    {
        "cpu" => TestAccelerators.Sequential,
        "simd" => SimdAccelerators.Of(256),
        _ => TestAccelerators.OpenCl,
    };

    private static DecoderSession Session(LlamaModel model) => model.CreateSession(96, new() { CacheType = TensorType.Float32 });

    private static float[][] Batch(DecoderSession first, IEnumerable<BatchEntry> entries)
    {
        var logits = new List<float[]>();
        Assert.That(
            first.TryForwardBatch(
                [.. entries],
                (entry, values) =>
                {
                    Assert.That(entry, Is.EqualTo(logits.Count));
                    logits.Add(values.ToArray());
                }),
            Is.True);
        return [.. logits];
    }

    private static double Difference(float[] found, ReadOnlySpan<float> expected)
    {
        double difference = 0, largest = 1;
        for (int i = 0; i < found.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs((double)found[i] - expected[i]));
            largest = Math.Max(largest, Math.Abs(expected[i]));
        }

        return difference / largest;
    }

    private static (int[] Prompt, int[] Ids)[] ReadExpected()
    {
        using var cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(RepositoryFolder.Fixtures("EndToEnd"), "tiny-expected.json")));
        return [.. cases.RootElement.EnumerateArray().Select(one => (Ids(one.GetProperty("prompt_ids")), Ids(one.GetProperty("ids"))))];

        static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
    }

    /// <summary>A session that can only compute alone.</summary>
    private sealed class SingleSession(DecoderSession session) : IDecoderSession
    {
        public int VocabularySize => session.VocabularySize;

        public int ContextLength => session.ContextLength;

        public int Position => session.Position;

        public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens, CancellationToken cancellationToken = default) =>
            session.Forward(tokens, cancellationToken);

        public void ForwardAll(ReadOnlySpan<int> tokens, LogitsConsumer consumer, CancellationToken cancellationToken = default) =>
            session.ForwardAll(tokens, consumer, cancellationToken);

        public void Rewind(int position) => session.Rewind(position);

        public void Dispose() => session.Dispose();
    }
}
