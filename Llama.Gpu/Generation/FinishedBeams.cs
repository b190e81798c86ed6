using System.Collections.Immutable;

namespace Llama.Gpu.Generation;

/// <summary>The best of the sequences that a beam search has brought to an end.</summary>
internal sealed class FinishedBeams(BeamSearchOptions options)
{
    // the best first; of equal scores the one that came first
    private readonly List<BeamHypothesis> _best = [];

    /// <summary>Takes a sequence in, if it is among the best.</summary>
    public void Add(ImmutableArray<int> ids, double logProbability, StopReason reason)
    {
        double score = Score(logProbability, ids.Length);
        int place = _best.FindIndex(other => other.Score < score);
        _best.Insert(place < 0 ? _best.Count : place, new BeamHypothesis(ids, logProbability, score, reason));
        if (_best.Count > options.Width)
        {
            _best.RemoveAt(options.Width);
        }
    }

    /// <summary>Whether the search is over.</summary>
    /// <param name="best">The highest sum of log-probabilities among the sequences that are followed.</param>
    /// <param name="length">Their length.</param>
    /// <param name="longest">The length at which every sequence ends.</param>
    public bool IsDone(double best, int length, int longest)
    {
        if (_best.Count < options.Width)
        {
            return false;
        }

        // with a width of 1, going on behind the end of the only sequence would not be greedy
        if (options.EarlyStop || options.Width == 1)
        {
            return true;
        }

        // sums only fall: a sequence can at best keep its sum, and end where the penalty is kindest, but not before the next token
        int kindest = options.LengthPenalty > 0 ? longest : Math.Min(length, longest);
        return Score(best, kindest) <= _best[^1].Score;
    }

    /// <summary>The sequences, the best first.</summary>
    public ImmutableArray<BeamHypothesis> Best() => [.. _best];

    private double Score(double logProbability, int length) => logProbability / Math.Pow(length, options.LengthPenalty);
}
