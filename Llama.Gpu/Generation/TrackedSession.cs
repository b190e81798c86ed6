using System.Runtime.InteropServices;
using Llama.Gpu.Model;

namespace Llama.Gpu.Generation;

/// <summary>
/// A session that knows the ids it holds, so that a sequence which begins like the one before is computed from the first difference
/// on. Sessions over one set of weights share a gate, since only one of them may compute at a time: each call waits for its turn.
/// </summary>
internal sealed class TrackedSession : ITokenSession
{
    private readonly IDecoderSession _session;
    private readonly Lock _gate;
    private readonly List<int> _ids = [];

    private TrackedSession(IDecoderSession session, Lock gate)
    {
        _session = session;
        _gate = gate;
    }

    public int VocabularySize => _session.VocabularySize;

    public int ContextLength => _session.ContextLength;

    public int Position => _session.Position;

    /// <summary>Takes over a session.</summary>
    /// <param name="session">Is rewound to its beginning.</param>
    /// <param name="gate">Shared by the sessions of a model; null for a session that is alone.</param>
    public static TrackedSession Over(IDecoderSession session, Lock? gate = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        session.Rewind(0);
        return new TrackedSession(session, gate ?? new Lock());
    }

    /// <summary>Number of ids that the session holds and another sequence begins with too.</summary>
    public int CommonPrefix(ReadOnlySpan<int> ids)
    {
        lock (_gate)
        {
            return CollectionsMarshal.AsSpan(_ids).CommonPrefixLength(ids);
        }
    }

    /// <summary>
    /// Goes back to where a sequence differs from what the session holds. At least one id is left to compute, since that gives the
    /// logits to go on from.
    /// </summary>
    /// <param name="ids">The sequence, not empty.</param>
    /// <param name="sources">Sessions of the same model, from which a longer beginning is copied if one of them has it.</param>
    /// <returns>How many ids need not be computed.</returns>
    public int Prepare(ReadOnlySpan<int> ids, params ReadOnlySpan<TrackedSession> sources)
    {
        lock (_gate)
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
    }

    /// <summary>Makes this session hold what another of the same model holds: copied where that can be, else computed.</summary>
    /// <returns>This session.</returns>
    public TrackedSession TakeOver(TrackedSession source, CancellationToken cancellationToken)
    {
        lock (_gate)
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
    }

    public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var logits = _session.Forward(tokens, cancellationToken);
            _ids.AddRange(tokens);
            return logits;
        }
    }

    public int? ForwardAndChoose(
        ReadOnlySpan<int> tokens, TokenChoice choice, out ReadOnlySpan<float> logits, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            int? id = null;
            if (_session is ITokenSession session)
            {
                id = session.ForwardAndChoose(tokens, choice, out logits, cancellationToken);
            }
            else
            {
                logits = _session.Forward(tokens, cancellationToken);
            }

            _ids.AddRange(tokens);
            return id;
        }
    }

    public void ForwardAll(ReadOnlySpan<int> tokens, LogitsConsumer consumer, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            _session.ForwardAll(tokens, consumer, cancellationToken);
            _ids.AddRange(tokens);
        }
    }

    public void Rewind(int position)
    {
        lock (_gate)
        {
            _session.Rewind(position);
            _ids.RemoveRange(position, _ids.Count - position);
        }
    }

    public void Dispose() => _session.Dispose();
}
