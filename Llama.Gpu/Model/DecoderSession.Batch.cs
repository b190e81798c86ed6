namespace Llama.Gpu.Model;

public sealed partial class DecoderSession : IBatchSession
{
    /// <inheritdoc/>
    public bool TryForwardBatch(
        IReadOnlyList<BatchEntry> entries, BatchLogitsConsumer consumer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        ArgumentNullException.ThrowIfNull(consumer);
        DecoderSession[] sessions = [.. entries.Select(entry => entry.Session).OfType<DecoderSession>()];
        if (sessions.Length < entries.Count || sessions.Any(session => session._model != _model || session.Observer is not null))
        {
            return false;
        }

        if (sessions.Distinct().Count() < sessions.Length)
        {
            throw new ArgumentException("expected each session once, found one twice", nameof(entries));
        }

        for (int i = 0; i < sessions.Length; i++)
        {
            sessions[i].Check(entries[i].Tokens.Span);
        }

        int[] starts = [.. sessions.Select(session => session.Position)];
        try
        {
            ForwardRows(entries, sessions, cancellationToken);
        }
        catch
        {
            for (int i = 0; i < sessions.Length; i++)
            {
                sessions[i]._state.Position = starts[i];
            }

            throw;
        }

        for (int i = 0; i < sessions.Length; i++)
        {
            consumer(i, sessions[i]._logits);
        }

        return true;
    }

    // entry behind entry, as many rows at a time as a chunk has; logits go to each session's own
    private void ForwardRows(IReadOnlyList<BatchEntry> entries, DecoderSession[] sessions, CancellationToken cancellationToken)
    {
        var tokens = new List<int>();
        var rows = new List<SequenceRows>();
        var lastRows = new List<int>();
        var logits = new List<float[]>();
        int done = 0; // tokens of the entry that are in a chunk already
        for (int entry = 0; entry < sessions.Length;)
        {
            var left = entries[entry].Tokens.Span[done..];
            int count = Math.Min(left.Length, _state.ChunkLength - tokens.Count);
            rows.Add(new SequenceRows(sessions[entry]._state, tokens.Count, count));
            tokens.AddRange(left[..count]);
            done += count;
            if (count == left.Length)
            {
                lastRows.Add(tokens.Count - 1);
                logits.Add(sessions[entry]._logits);
                (entry, done) = (entry + 1, 0);
            }

            if (tokens.Count == _state.ChunkLength || entry == sessions.Length)
            {
                _decoder.Forward([.. tokens], _state, [.. rows], wantsLogits: lastRows.Count > 0, cancellationToken);
                _decoder.BatchLogits([.. lastRows], _state, logits, cancellationToken);
                tokens.Clear();
                rows.Clear();
                lastRows.Clear();
                logits.Clear();
            }
        }
    }
}
