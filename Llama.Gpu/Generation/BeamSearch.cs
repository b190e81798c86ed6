using System.Collections.Immutable;
using Llama.Gpu.Model;

namespace Llama.Gpu.Generation;

/// <summary>
/// Beam search: follows the likeliest sequences side by side. Each has a session; where one sequence goes on in two ways, the second
/// takes over a copy of the KV cache. A step of all beams is one pass over the weights, where the sessions can (<see cref="IBatchSession"/>).
/// Deterministic: of equal scores the earlier beam and then the lower id comes first. One search at a time.
/// </summary>
public sealed class BeamSearch : IDisposable
{
    private readonly Func<IDecoderSession> _create;
    private readonly int[] _endOfTextIds;
    private readonly PassScheduler _scheduler = new();
    private readonly List<TrackedSession> _sessions = [];
    private int _running;

    /// <param name="create">Makes a session; all of one model, and long enough for prompt and tokens.</param>
    /// <param name="endOfTextIds">Tokens that end a text.</param>
    public BeamSearch(Func<IDecoderSession> create, IEnumerable<int>? endOfTextIds = null)
    {
        ArgumentNullException.ThrowIfNull(create);
        _create = create;
        _endOfTextIds = [.. endOfTextIds ?? []];
    }

    /// <summary>Searches.</summary>
    /// <param name="promptIds">At least one id.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    /// <returns>The best sequences found, the best first: <see cref="BeamSearchOptions.Width"/> of them at most, and at least one.</returns>
    /// <exception cref="InvalidOperationException">Another search is running.</exception>
    /// <exception cref="ContextOverflowException">The prompt does not fit into the context.</exception>
    /// <exception cref="SamplingException">The model's logits are not numbers.</exception>
    public async Task<ImmutableArray<BeamHypothesis>> SearchAsync(
        ReadOnlyMemory<int> promptIds, BeamSearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new BeamSearchOptions();
        options.Validate();
        if (promptIds.IsEmpty)
        {
            throw new ArgumentException("prompt: expected at least one token, found none", nameof(promptIds));
        }

        if (Interlocked.Exchange(ref _running, 1) != 0)
        {
            throw new InvalidOperationException("another search is running");
        }

        try
        {
            return await Task.Run(() => Search(promptIds.Span, options, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _running, 0);
        }
    }

    /// <summary>Frees the sessions.</summary>
    public void Dispose()
    {
        _sessions.ForEach(session => session.Dispose());
        _sessions.Clear();
    }

    private ImmutableArray<BeamHypothesis> Search(ReadOnlySpan<int> prompt, BeamSearchOptions options, CancellationToken cancellationToken)
    {
        while (_sessions.Count < options.Width)
        {
            _sessions.Add(TrackedSession.Over(_create(), _scheduler));
        }

        int[] stops = [.. _endOfTextIds, .. options.StopTokens.IsDefault ? [] : options.StopTokens];
        var finished = new FinishedBeams(options);
        var session = _sessions[0];
        int reused = session.Prepare(prompt);
        var logits = session.Forward(prompt[reused..], cancellationToken);
        int length = Math.Min(options.MaxTokens, session.ContextLength - prompt.Length + 1);
        var beams = new List<Beam> { new(session, [], 0.0, logits.ToArray()) };
        for (int step = 1; ; step++)
        {
            // enough that as many go on as there are places, whichever of them end
            int[] distinct = [.. stops.Distinct()];
            var candidates = Candidates(beams, options.Width * (1 + distinct.Length));
            var next = new List<Candidate>();
            foreach (var (rank, candidate) in candidates.Index())
            {
                if (!distinct.Contains(candidate.Id))
                {
                    next.Add(candidate);
                }
                else if (rank < options.Width)
                {
                    finished.Add([.. candidate.Parent.Ids, candidate.Id], candidate.LogProbability, StopReason.StopToken);
                }

                if (next.Count == options.Width)
                {
                    break;
                }
            }

            if (next.Count == 0 || finished.IsDone(next[0].LogProbability, step, length))
            {
                return finished.Best();
            }

            if (step == length)
            {
                var reason = length < options.MaxTokens ? StopReason.ContextFull : StopReason.MaxTokens;
                next.ForEach(candidate => finished.Add([.. candidate.Parent.Ids, candidate.Id], candidate.LogProbability, reason));
                return finished.Best();
            }

            beams = Advance(next, prompt.Length, cancellationToken);
        }
    }

    private static List<Candidate> Candidates(List<Beam> beams, int count)
    {
        var candidates = new List<Candidate>();
        foreach (var beam in beams)
        {
            double normalizer = LogSoftmax.Normalizer(beam.Logits);
            candidates.AddRange(TopLogits.Select(beam.Logits, count)
                .Where(entry => !float.IsNegativeInfinity(entry.Logit))
                .Select(entry => new Candidate(beam, entry.Id, beam.LogProbability + (entry.Logit - normalizer))));
        }

        // a stable sort
        return [.. candidates.OrderByDescending(candidate => candidate.LogProbability).Take(count)];
    }

    // the first child of a beam goes on in its session, further ones in sessions that are free now
    private List<Beam> Advance(List<Candidate> next, int promptLength, CancellationToken cancellationToken)
    {
        var sessions = new TrackedSession?[next.Count];
        var taken = new HashSet<TrackedSession>();
        for (int i = 0; i < next.Count; i++)
        {
            sessions[i] = taken.Add(next[i].Parent.Session) ? next[i].Parent.Session : null;
        }

        var free = new Queue<TrackedSession>(_sessions.Where(session => !taken.Contains(session)));
        for (int i = 0; i < next.Count; i++)
        {
            sessions[i] ??= free.Dequeue().TakeOver(next[i].Parent.Session, cancellationToken);
        }

        var steps = next.Zip(sessions, (candidate, session) => (session!, (ReadOnlyMemory<int>)new[] { candidate.Id })).ToArray();
        var logits = (steps.Length > 1 ? TrackedSession.TryForwardTogether(steps, cancellationToken) : null)
            ?? [.. steps.Select(step => step.Item1.ForwardAlone(step.Item2, choice: null, cancellationToken).Logits)];
        return
        [
            .. next.Select((candidate, i) => new Beam(
                sessions[i]!, [.. candidate.Parent.Ids, candidate.Id], candidate.LogProbability, logits[i].ToArray())),
        ];
    }

    private sealed record Beam(TrackedSession Session, ImmutableArray<int> Ids, double LogProbability, float[] Logits);

    private sealed record Candidate(Beam Parent, int Id, double LogProbability);
}
