using System.Runtime.InteropServices;
using Llama.Gpu.Model;

namespace Llama.Gpu.Generation;

/// <summary>
/// A session that knows the ids it holds, so that a sequence which begins like the one before is computed from the first difference
/// on. Sessions over one set of weights share a scheduler, since they may not compute at the same time but can compute together. Only
/// what goes through the scheduler (the methods that end in Async) may be called while another of them is at work.
/// </summary>
internal sealed class TrackedSession : IDecoderSession
{
    private readonly IDecoderSession _session;
    private readonly PassScheduler _scheduler;
    private readonly List<int> _ids = [];
    private float[] _logits = [];

    private TrackedSession(IDecoderSession session, PassScheduler scheduler)
    {
        _session = session;
        _scheduler = scheduler;
    }

    public int VocabularySize => _session.VocabularySize;

    public int ContextLength => _session.ContextLength;

    public int Position => _session.Position;

    public TimeSpan KernelLoadTime => _session.KernelLoadTime;

    /// <summary>Takes over a session.</summary>
    /// <param name="session">Is rewound to its beginning.</param>
    /// <param name="scheduler">Shared by the sessions of a model; null for a session that is alone.</param>
    public static TrackedSession Over(IDecoderSession session, PassScheduler? scheduler = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        session.Rewind(0);
        return new TrackedSession(session, scheduler ?? new PassScheduler());
    }

    /// <summary>Appends tokens to sessions of one scheduler in one pass.</summary>
    /// <param name="entries">Each session once, with at least one token.</param>
    /// <param name="cancellationToken">Checked between layers; no session has changed then.</param>
    /// <returns>The logits after the last token of each, valid until its session's next call; null where they cannot be computed together.</returns>
    public static ReadOnlyMemory<float>[]? TryForwardTogether(
        IReadOnlyList<(TrackedSession Session, ReadOnlyMemory<int> Tokens)> entries, CancellationToken cancellationToken) =>
        entries[0].Session._session is IBatchSession first && first.TryForwardBatch(
            [.. entries.Select(entry => new BatchEntry(entry.Session._session, entry.Tokens))],
            (i, logits) => entries[i].Session.Advance(entries[i].Tokens.Span, logits),
            cancellationToken)
            ? [.. entries.Select(entry => (ReadOnlyMemory<float>)entry.Session._logits)]
            : null;

    /// <summary>As <see cref="Forward"/>, with logits that live longer; or the next token, where the session can choose it as asked.</summary>
    public PassResult ForwardAlone(ReadOnlyMemory<int> tokens, TokenChoice? choice, CancellationToken cancellationToken)
    {
        if (choice is { } wanted && _session is ITokenSession session)
        {
            int? chosen = session.ForwardAndChoose(tokens.Span, wanted, out var left, cancellationToken);
            Advance(tokens.Span, left);
            return new PassResult(chosen, _logits);
        }

        Advance(tokens.Span, _session.Forward(tokens.Span, cancellationToken));
        return new PassResult(null, _logits);
    }

    /// <summary>Number of ids that the session holds and another sequence begins with too.</summary>
    public int CommonPrefix(ReadOnlySpan<int> ids) => CollectionsMarshal.AsSpan(_ids).CommonPrefixLength(ids);

    /// <summary>
    /// Goes back to where a sequence differs from what the session holds. At least one id is left to compute, since that gives the
    /// logits to go on from.
    /// </summary>
    /// <param name="ids">The sequence, not empty.</param>
    /// <param name="sources">Sessions of the same model, from which a longer beginning is copied if one of them has it.</param>
    /// <returns>How many ids need not be computed.</returns>
    public int Prepare(ReadOnlySpan<int> ids, params ReadOnlySpan<TrackedSession> sources)
    {
        Rewind(Math.Min(CommonPrefix(ids), ids.Length - 1));
        if (_session is IPrefixSession target)
        {
            TrackedSession? best = null;
            int longest = Position;
            foreach (var source in sources)
            {
                int common = Math.Min(source.CommonPrefix(ids), ids.Length - 1);
                if (common > longest)
                {
                    (best, longest) = (source, common);
                }
            }

            if (best is not null && target.TryCopyPrefix(best._session, longest))
            {
                _ids.AddRange(ids[_ids.Count..longest]);
            }
        }

        return Position;
    }

    /// <summary>As <see cref="Prepare"/>, in its turn.</summary>
    public Task<int> PrepareAsync(int[] ids, TrackedSession[] sources, CancellationToken cancellationToken) =>
        _scheduler.RunAsync(() => Prepare(ids, sources), cancellationToken);

    /// <summary>Makes this session hold what another of the same model holds: copied where that can be, else computed.</summary>
    /// <returns>This session.</returns>
    public TrackedSession TakeOver(TrackedSession source, CancellationToken cancellationToken)
    {
        var ids = CollectionsMarshal.AsSpan(source._ids);
        Rewind(CommonPrefix(ids));
        if (_session is IPrefixSession target && target.TryCopyPrefix(source._session, ids.Length))
        {
            _ids.AddRange(ids[_ids.Count..]);
        }
        else if (Position < ids.Length)
        {
            Forward(ids[Position..], cancellationToken);
        }

        return this;
    }

    /// <summary>As <see cref="Forward"/>, in its turn and with other sessions of the scheduler where some are waiting too.</summary>
    public Task<PassResult> ForwardAsync(ReadOnlyMemory<int> tokens, TokenChoice? choice, CancellationToken cancellationToken) =>
        _scheduler.ForwardAsync(this, tokens, choice, cancellationToken);

    /// <summary>Tells the scheduler that the session asks for nothing more, for now.</summary>
    public void Leave() => _scheduler.Leave(this);

    public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens, CancellationToken cancellationToken = default)
    {
        var logits = _session.Forward(tokens, cancellationToken);
        _ids.AddRange(tokens);
        return logits;
    }

    public void ForwardAll(ReadOnlySpan<int> tokens, LogitsConsumer consumer, CancellationToken cancellationToken = default)
    {
        _session.ForwardAll(tokens, consumer, cancellationToken);
        _ids.AddRange(tokens);
    }

    public void Rewind(int position)
    {
        _session.Rewind(position);
        _ids.RemoveRange(position, _ids.Count - position);
    }

    public void Dispose() => _session.Dispose();

    private void Advance(ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits)
    {
        _ids.AddRange(tokens);
        if (_logits.Length < logits.Length)
        {
            _logits = new float[logits.Length];
        }

        logits.CopyTo(_logits);
    }
}
