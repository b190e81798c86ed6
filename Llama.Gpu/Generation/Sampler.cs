using System.Globalization;

namespace Llama.Gpu.Generation;

/// <summary>
/// Chooses the next token from logits. What it chooses is a function of options, seed, logits and history alone: the draw's random
/// number is a hash of the seed and the history's length, so that a session that is rewound repeats itself, on every platform.
/// The draw inverts the cumulative distribution over the surviving tokens in ascending order of id. Weights are whole numbers
/// (<see cref="ExactWeights"/>), so that <see cref="TokenSampling"/> chooses the same token on a device.
/// Keeps working memory: not for use by two threads at once.
/// </summary>
public sealed class Sampler
{
    private readonly SamplingOptions _options;
    private float[] _scores = [];
    private ulong[] _keys = [];
    private long[] _weightOf = [];
    private int[] _ids = [];
    private long[] _weights = [];

    // the call in which a token was last penalized, so that it is once in each
    private int[] _penalizedIn = [];
    private int _call;

    /// <param name="options">Checked here.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option out of its range.</exception>
    public Sampler(SamplingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;

        // 32 bits: short enough to be typed again
        Seed = options.Seed ?? (ulong)Random.Shared.NextInt64(1L << 32);
    }

    /// <summary>The seed in use: the options', or the fresh one.</summary>
    public ulong Seed { get; }

    /// <summary>Chooses a token.</summary>
    /// <param name="logits">One logit a token id; minus infinity bars a token.</param>
    /// <param name="history">The ids in the context so far, prompt included.</param>
    /// <returns>The token's id.</returns>
    /// <exception cref="SamplingException">A logit is NaN or plus infinity, or all are minus infinity.</exception>
    /// <exception cref="ArgumentException">There are no logits, or more than 524,287, or an id of the history has none.</exception>
    public int Sample(ReadOnlySpan<float> logits, ReadOnlySpan<int> history)
    {
        if (logits.IsEmpty)
        {
            throw new ArgumentException("expected at least one logit, found none", nameof(logits));
        }

        if (logits.Length > ExactWeights.MaxVocabulary)
        {
            throw new ArgumentException($"expected at most {ExactWeights.MaxVocabulary} logits, found {logits.Length}", nameof(logits));
        }

        var scores = _options.RepetitionPenalty == 1.0 ? logits : Penalize(logits, history);
        int best = ArgMax(scores);
        if (_options.Temperature == 0.0)
        {
            return best;
        }

        int count = FindSurvivors(scores, scores[best]);
        return Draw(count, ExactWeights.Uniform(Seed, (ulong)history.Length));
    }

    /// <summary>What <see cref="Sample"/> does, for a device to do; null where it depends on more of the history than its length.</summary>
    /// <param name="historyLength">Number of ids in the context so far, prompt included.</param>
    public TokenChoice? ChoiceAfter(int historyLength) => _options.RepetitionPenalty == 1.0
        ? new(_options.Temperature, _options.TopK, _options.TopP, _options.MinP, Seed, (ulong)historyLength)
        : null;

    /// <summary>What <see cref="Sample"/> draws from: survivors in ascending order of id, probabilities that sum to 1.</summary>
    internal (int Id, double Probability)[] Distribution(ReadOnlySpan<float> logits, ReadOnlySpan<int> history)
    {
        var scores = _options.RepetitionPenalty == 1.0 ? logits : Penalize(logits, history);
        int count = FindSurvivors(scores, scores[ArgMax(scores)]);
        double total = _weights.AsSpan(0, count).ToArray().Sum();
        return [.. Enumerable.Range(0, count).Select(i => (_ids[i], _weights[i] / total))];
    }

    private static int ArgMax(ReadOnlySpan<float> scores)
    {
        int best = 0;
        float max = float.NegativeInfinity;
        for (int id = 0; id < scores.Length; id++)
        {
            float score = scores[id];
            if (score > max)
            {
                max = score;
                best = id;
            }
            else if (float.IsNaN(score))
            {
                throw new SamplingException(string.Create(
                    CultureInfo.InvariantCulture, $"logit of token {id}: expected a number, found NaN"));
            }
        }

        if (float.IsInfinity(max))
        {
            string found = max > 0 ? $"plus infinity at token {best}" : "minus infinity for every token";
            throw new SamplingException($"largest logit: expected a finite number, found {found}");
        }

        return best;
    }

    // transformers' RepetitionPenaltyLogitsProcessor, in f32 as there
    private ReadOnlySpan<float> Penalize(ReadOnlySpan<float> logits, ReadOnlySpan<int> history)
    {
        Grow(ref _scores, logits.Length);
        if (_penalizedIn.Length < logits.Length)
        {
            _penalizedIn = new int[logits.Length];
            _call = 0;
        }

        _call++;
        logits.CopyTo(_scores);
        float penalty = (float)_options.RepetitionPenalty;
        foreach (int id in history)
        {
            if ((uint)id >= (uint)logits.Length)
            {
                throw new ArgumentOutOfRangeException(nameof(history), id, $"expected ids from 0 to {logits.Length - 1}");
            }

            if (_penalizedIn[id] != _call)
            {
                _penalizedIn[id] = _call;
                _scores[id] = _scores[id] < 0 ? _scores[id] * penalty : _scores[id] / penalty;
            }
        }

        return _scores.AsSpan(0, logits.Length);
    }

    /// <summary>Fills _ids (ascending) and _weights (none is 0); returns how many survive.</summary>
    private int FindSurvivors(ReadOnlySpan<float> scores, float max)
    {
        Grow(ref _weightOf, scores.Length);
        Grow(ref _ids, scores.Length);
        Grow(ref _weights, scores.Length);
        int count = FindCandidates(scores, max);

        // min-p compares with the largest, which nothing above removes
        long least = Math.Max(1, ExactWeights.OfShare(_options.MinP));
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            int id = _ids[i];
            long weight = _weightOf[id];
            if (weight >= least)
            {
                _ids[kept] = id;
                _weights[kept++] = weight;
            }
        }

        return kept;
    }

    /// <summary>Fills _ids (ascending) with what top-k and top-p leave, and _weightOf for these; returns how many there are.</summary>
    private int FindCandidates(ReadOnlySpan<float> scores, float max)
    {
        int count;
        if (_options.TopK > 0 && _options.TopK < scores.Length)
        {
            count = CutToNucleus(SelectTopK(scores, max, out long total), total);
        }
        else
        {
            PortableMath.Weights(scores, max, _options.Temperature, _weightOf);
            if (_options.TopP == 1.0)
            {
                for (int id = 0; id < scores.Length; id++)
                {
                    _ids[id] = id;
                }

                return scores.Length;
            }

            count = CutToNucleus(SelectForNucleus(scores, out long total), total);
        }

        _ids.AsSpan(0, count).Sort();
        return count;
    }

    // fills _keys, ascending
    private int SelectTopK(ReadOnlySpan<float> scores, float max, out long total)
    {
        Grow(ref _keys, scores.Length);
        int count = TopLogits.SelectKeys(scores, _keys.AsSpan(0, _options.TopK));
        _keys.AsSpan(0, count).Sort();
        total = 0;
        for (int i = count - 1; i >= 0; i--)
        {
            int id = TopLogits.Id(_keys[i]);
            _weightOf[id] = ExactWeights.Of(scores[id], max, _options.Temperature);
            total += _weightOf[id];
        }

        return count;
    }

    // Fills _keys, ascending. All tokens below (1 - p) / n of the mass have less than 1 - p of it together, so none of them is in the
    // nucleus: what has to be sorted is a few hundred tokens rather than the vocabulary.
    private int SelectForNucleus(ReadOnlySpan<float> scores, out long total)
    {
        Grow(ref _keys, scores.Length);
        total = 0;
        for (int id = 0; id < scores.Length; id++)
        {
            total += _weightOf[id];
        }

        // a little less than that, for what the product is rounded by
        double least = 0.999 * (1.0 - _options.TopP) * total / scores.Length;
        int count = 0;
        for (int id = 0; id < scores.Length; id++)
        {
            if (_weightOf[id] >= least)
            {
                _keys[count++] = TopLogits.Key(scores[id], id);
            }
        }

        _keys.AsSpan(0, count).Sort();
        return count;
    }

    // takes the keys in descending order into _ids, as long as the mass before them is less than p
    private int CutToNucleus(int count, long total)
    {
        long bound = _options.TopP < 1.0 ? ExactWeights.NucleusBound(_options.TopP, total) : long.MaxValue;
        long before = 0;
        int kept = 0;
        while (kept < count && before < bound)
        {
            int id = TopLogits.Id(_keys[count - 1 - kept]);
            _ids[kept++] = id;
            before += _weightOf[id];
        }

        return kept;
    }

    private int Draw(int count, double uniform)
    {
        long total = 0;
        for (int i = 0; i < count; i++)
        {
            total += _weights[i];
        }

        long target = ExactWeights.Target(uniform, total);
        long sum = 0;
        int drawn = 0;
        while (drawn < count - 1 && sum + _weights[drawn] <= target)
        {
            sum += _weights[drawn++];
        }

        return _ids[drawn];
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length)
        {
            array = new T[length];
        }
    }
}
