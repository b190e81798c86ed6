using System.Diagnostics;
using Llama.Gpu.Model;

namespace Llama.Gpu.Cli.Commands;

/// <summary>Sequences of equal length that <c>bench</c> decodes together.</summary>
internal sealed class BenchBatch : IDisposable
{
    private readonly int _prompt;
    private readonly IDecoderSession[] _sessions;

    /// <param name="model">Where the other sessions come from.</param>
    /// <param name="first">Holds the prompt already; stays the caller's.</param>
    /// <param name="sequences">Number of sequences, <paramref name="first"/> counted.</param>
    /// <param name="prompt">Tokens that each holds when decoding begins.</param>
    /// <param name="context">Positions of each.</param>
    public BenchBatch(LoadedModel model, IDecoderSession first, int sequences, int prompt, int context)
    {
        _prompt = prompt;
        _sessions = [first, .. Enumerable.Range(1, sequences - 1).Select(_ => model.CreateSession(context))];
        first.Rewind(prompt);
        foreach (var session in _sessions.Skip(1))
        {
            if (session is not IPrefixSession other || !other.TryCopyPrefix(first, prompt))
            {
                throw new NotAvailableException("--sequences: sessions of this model cannot be decoded together");
            }
        }
    }

    /// <summary>Decodes tokens of each sequence; seconds a step of all of them.</summary>
    public double Decode(int tokens, CancellationToken cancellationToken)
    {
        int[] id = [1];
        Array.ForEach(_sessions, session => session.Rewind(_prompt));
        BatchEntry[] step = [.. _sessions.Select(session => new BatchEntry(session, id))];
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < tokens; i++)
        {
            if (_sessions[0] is not IBatchSession first || !first.TryForwardBatch(step, (_, _) => { }, cancellationToken))
            {
                throw new NotAvailableException("--sequences: sessions of this model cannot be decoded together");
            }
        }

        return Stopwatch.GetElapsedTime(began).TotalSeconds / tokens;
    }

    /// <summary>Frees the sessions but the first.</summary>
    public void Dispose() => Array.ForEach(_sessions[1..], session => session.Dispose());
}
