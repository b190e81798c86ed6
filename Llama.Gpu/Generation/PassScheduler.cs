using System.Diagnostics;

namespace Llama.Gpu.Generation;

/// <summary>
/// Computes what the sequences over one set of weights ask for: all that ask at the same time in one pass, so that the weights are read
/// once for them. Sequences join and leave from pass to pass. One thing is done at a time, so that nothing else has to wait for a lock.
/// </summary>
/// <remarks>
/// After a pass the sequences that were in it are waited for, so that they stay together, but for no longer than a quarter of what the
/// pass took: one whose consumer takes its time does not hold up the others. Passes have a thread of their own while there are any: one of
/// the pool would first continue what it woke last, and a sequence that has just come could wait for the end of the others.
/// </remarks>
/// <param name="patience">How long those of a pass are waited for; null for a quarter of what the pass took.</param>
internal sealed class PassScheduler(TimeSpan? patience = null)
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1);

    // pulsed when all that were expected are here
    private readonly object _gate = new();
    private readonly HashSet<TrackedSession> _expected = [];
    private List<Action> _works = [];
    private List<Request> _waiting = [];
    private bool _running;

    /// <summary>Does something that nothing may be computed beside, between two passes.</summary>
    public async Task<T> RunAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _works.Add(() => Complete(done, work, cancellationToken));
            Start();
        }

        return await done.Task.ConfigureAwait(false);
    }

    /// <summary>Appends tokens to a session, with those of others where some are waiting too.</summary>
    /// <param name="session">The session.</param>
    /// <param name="tokens">At least one token id.</param>
    /// <param name="choice">How the next token may be chosen where its logits are; only a session that is alone in its pass does that.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    public async Task<PassResult> ForwardAsync(
        TrackedSession session, ReadOnlyMemory<int> tokens, TokenChoice? choice, CancellationToken cancellationToken)
    {
        var request = new Request(session, tokens, choice, cancellationToken);
        lock (_gate)
        {
            _waiting.Add(request);
            Arrive(session);
            Start();
        }

        return await request.Done.Task.ConfigureAwait(false);
    }

    /// <summary>A session that asks for nothing more, for now.</summary>
    public void Leave(TrackedSession session)
    {
        lock (_gate)
        {
            Arrive(session);
        }
    }

    private static void Complete<T>(TaskCompletionSource<T> done, Func<T> work, CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            done.SetResult(work());
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            done.SetCanceled(cancellationToken);
        }
        catch (Exception error)
        {
            done.SetException(error);
        }
    }

    // under the lock
    private void Start()
    {
        if (!_running)
        {
            _running = true;
            new Thread(Run) { IsBackground = true, Name = "passes" }.Start();
        }
    }

    // under the lock
    private void Arrive(TrackedSession session)
    {
        if (_expected.Remove(session) && _expected.Count == 0)
        {
            Monitor.PulseAll(_gate);
        }
    }

    private void Run()
    {
        var lastPass = TimeSpan.Zero;
        while (true)
        {
            WaitForExpected(patience ?? TimeSpan.FromTicks(Math.Max(lastPass.Ticks / 4, ShortestWait.Ticks)));
            List<Action> works;
            List<Request> requests = [];
            lock (_gate)
            {
                (works, _works) = (_works, []);
                if (works.Count == 0)
                {
                    (requests, _waiting) = (_waiting, []);
                    _expected.Clear();
                    _expected.UnionWith(requests.Select(request => request.Session));
                    if (requests.Count == 0)
                    {
                        _running = false;
                        return;
                    }
                }
            }

            // what is done between passes may let others join the next
            works.ForEach(work => work());
            if (requests.Count > 0)
            {
                long start = Stopwatch.GetTimestamp();
                Compute(requests);
                lastPass = Stopwatch.GetElapsedTime(start);
            }
        }
    }

    private void WaitForExpected(TimeSpan wait)
    {
        lock (_gate)
        {
            if (_expected.Count > 0)
            {
                Monitor.Wait(_gate, wait);
            }
        }
    }

    private static void Compute(List<Request> requests)
    {
        foreach (var request in requests.Where(request => request.Cancellation.IsCancellationRequested).ToArray())
        {
            requests.Remove(request);
            request.Done.SetCanceled(request.Cancellation);
        }

        // one that fails must not take the others with it
        if (requests.Count <= 1 || !TryComputeTogether(requests))
        {
            requests.ForEach(ComputeAlone);
        }
    }

    private static void ComputeAlone(Request request) =>
        Complete(
            request.Done, () => request.Session.ForwardAlone(request.Tokens, request.Choice, request.Cancellation), request.Cancellation);

    // given up when all of them are; false where nothing was done
    private static bool TryComputeTogether(List<Request> requests)
    {
        using var cancellation = new CancellationTokenSource();
        int left = requests.Count;
        var registrations = requests.ConvertAll(request => request.Cancellation.UnsafeRegister(
            _ =>
            {
                if (Interlocked.Decrement(ref left) == 0)
                {
                    cancellation.Cancel();
                }
            },
            null));
        try
        {
            var entries = requests.ConvertAll(request => (request.Session, request.Tokens));
            var logits = TrackedSession.TryForwardTogether(entries, cancellation.Token);
            foreach (var (request, values) in requests.Zip(logits ?? []))
            {
                request.Done.SetResult(new PassResult(null, values));
            }

            return logits is not null;
        }
        catch (Exception)
        {
            // each finds its own error
            return false;
        }
        finally
        {
            registrations.ForEach(registration => registration.Dispose());
        }
    }

    private sealed record Request(TrackedSession Session, ReadOnlyMemory<int> Tokens, TokenChoice? Choice, CancellationToken Cancellation)
    {
        public TaskCompletionSource<PassResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
