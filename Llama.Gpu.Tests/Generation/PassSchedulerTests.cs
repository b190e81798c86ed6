using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Generation;

/// <summary>Sequences at once over scripted sessions: who shares a pass with whom, and that none disturbs another.</summary>
public sealed class PassSchedulerTests
{
    private const int Stop = 1;

    private readonly List<int> _passes = [];

    [SetUp]
    public void Clear() => _passes.Clear();

    [Test]
    public async Task Sequences_at_once_share_their_passes()
    {
        // on a busy machine no time is long enough for the others to come back
        using var pool = new SessionPool(Session, 4, endOfTextIds: [Stop]) { Patience = Timeout.InfiniteTimeSpan };
        int[] lengths = [20, 24, 28, 32];
        var results = await pool.CompleteAllAsync(lengths.Select(length => (ReadOnlyMemory<int>)new[] { length }));
        Assert.That(results.Select(result => result.Ids.Length), Is.EqualTo(lengths));
        Assert.That(_passes.Sum(), Is.EqualTo(lengths.Sum()), "each token is computed once");
        Assert.That(_passes.Max(), Is.EqualTo(4));
        Assert.That(_passes, Has.Count.LessThan(90), "alone they would take 104 passes, and at best 32");
    }

    [Test]
    public async Task One_that_fails_leaves_the_others_alone()
    {
        using var pool = new SessionPool(Session, 3, endOfTextIds: [Stop]);
        Task<GenerationResult>[] runs = [.. new[] { 12, 13, 99 }.Select(length => pool.CompleteAsync(new[] { length }))];
        Assert.That(async () => await runs[2], Throws.TypeOf<SamplingException>());
        Assert.That((await runs[0]).Ids, Has.Length.EqualTo(12));
        Assert.That((await runs[1]).Ids, Has.Length.EqualTo(13));
    }

    [Test]
    public async Task Prompt_that_does_not_fit_leaves_the_others_alone()
    {
        using var pool = new SessionPool(Session, 3, endOfTextIds: [Stop]);
        Task<GenerationResult>[] runs =
            [pool.CompleteAsync(new[] { 12 }), pool.CompleteAsync(new int[200]), pool.CompleteAsync(new[] { 13 })];
        Assert.That(async () => await runs[1], Throws.TypeOf<ContextOverflowException>());
        Assert.That((await runs[0]).Ids, Has.Length.EqualTo(12));
        Assert.That((await runs[2]).Ids, Has.Length.EqualTo(13));
    }

    [Test, CancelAfter(20_000)]
    public async Task Consumer_that_takes_its_time_does_not_hold_up_the_others(CancellationToken cancellationToken)
    {
        using var pool = new SessionPool(Session, 2, endOfTextIds: [Stop]);
        await using var slow = pool.GenerateAsync(new[] { 40 }, null, cancellationToken).GetAsyncEnumerator(cancellationToken);
        Assert.That(await slow.MoveNextAsync(), Is.True);
        Assert.That((await pool.CompleteAsync(new[] { 30 }, null, cancellationToken)).Ids, Has.Length.EqualTo(30));
        Assert.That(await slow.MoveNextAsync(), Is.True);
    }

    [Test]
    public async Task Cancelled_sequence_leaves_the_others_alone()
    {
        using var cancel = new CancellationTokenSource();
        using var pool = new SessionPool(Session, 2, endOfTextIds: [Stop]);
        var kept = pool.CompleteAsync(new[] { 40 });
        Assert.That(
            async () =>
            {
                await foreach (var piece in pool.GenerateAsync(new[] { 30 }, null, cancel.Token))
                {
                    await cancel.CancelAsync();
                }
            },
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That((await kept).Ids, Has.Length.EqualTo(40));
        Assert.That((await pool.CompleteAsync(new[] { 30 })).Ids, Has.Length.EqualTo(30), "its place is free");
    }

    // the first id says how many tokens follow, the last of them a stop; 99 makes numbers that are none
    private BatchFake Session() => new(
        new FakeSession(100, 100, 0)
        {
            Logits = held =>
            {
                var logits = new float[100];
                logits[held.Count < held[0] ? 2 : Stop] = held[0] == 99 ? float.NaN : 1;
                return logits;
            },
        },
        _passes);

    /// <summary>Scripted sessions that can compute together.</summary>
    private sealed class BatchFake(FakeSession session, List<int> passes) : IBatchSession
    {
        public int VocabularySize => session.VocabularySize;

        public int ContextLength => session.ContextLength;

        public int Position => session.Position;

        public bool TryForwardBatch(IReadOnlyList<BatchEntry> entries, BatchLogitsConsumer consumer, CancellationToken cancellationToken)
        {
            var sessions = entries.Select(entry => (BatchFake)entry.Session).ToArray();
            foreach (var (one, entry) in sessions.Zip(entries))
            {
                if (one.Position + entry.Tokens.Length > one.ContextLength)
                {
                    throw new ContextOverflowException(one.Position, entry.Tokens.Length, one.ContextLength);
                }
            }

            Count(entries.Count);
            for (int i = 0; i < entries.Count; i++)
            {
                consumer(i, sessions[i].Inner.Forward(entries[i].Tokens.Span, cancellationToken));
            }

            return true;
        }

        public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
        {
            Count(1);
            return session.Forward(tokens, cancellationToken);
        }

        public void ForwardAll(ReadOnlySpan<int> tokens, LogitsConsumer consumer, CancellationToken cancellationToken) =>
            session.ForwardAll(tokens, consumer, cancellationToken);

        public void Rewind(int position) => session.Rewind(position);

        public void Dispose() => session.Dispose();

        private FakeSession Inner => session;

        // a pass takes a while, as with a model
        private void Count(int sequences)
        {
            passes.Add(sequences);
            Thread.Sleep(10);
        }
    }
}
