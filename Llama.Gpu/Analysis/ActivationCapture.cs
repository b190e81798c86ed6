using System.Collections.Immutable;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;

namespace Llama.Gpu.Analysis;

/// <summary>What <see cref="ActivationCapture"/> keeps.</summary>
public sealed record ActivationCaptureOptions
{
    /// <summary>Layers whose attention weights are kept; null for all.</summary>
    public IReadOnlyCollection<int>? Layers { get; init; }

    /// <summary>Query heads whose attention weights are kept; null for all.</summary>
    public IReadOnlyCollection<int>? Heads { get; init; }

    /// <summary>Whether attention weights are kept: for each layer and head, tokens times positions floats.</summary>
    public bool AttentionWeights { get; init; } = true;

    /// <summary>Whether hidden states are kept, those of the embedding and of every layer.</summary>
    public bool HiddenStates { get; init; } = true;

    /// <summary>Whether the magnitudes of every step's result are kept.</summary>
    public bool Magnitudes { get; init; }
}

/// <summary>How large the elements of a step's result were, over all tokens captured.</summary>
/// <param name="Step">The step.</param>
/// <param name="Layer">The layer; -1 outside the layers.</param>
/// <param name="RootMeanSquare">Root of the mean of the squares.</param>
/// <param name="Largest">Largest without its sign.</param>
public sealed record StepMagnitude(DecoderStep Step, int Layer, double RootMeanSquare, double Largest);

/// <summary>
/// Keeps attention weights and hidden states of what a session computes from its making to its disposal. It sets the session's
/// <see cref="DecoderSession.Observer"/>, and calls the one that was there too; a session without an observer does nothing for any of
/// this: no launch, no copy, no memory.
/// </summary>
public sealed class ActivationCapture : IDisposable
{
    private readonly DecoderSession _session;
    private readonly DecoderStepObserver? _before;
    private readonly ActivationCaptureOptions _options;
    private readonly ImmutableArray<int> _layers;
    private readonly ImmutableArray<int> _heads;
    private readonly Dictionary<(int Layer, int Head), List<float[]>> _weights = [];
    private readonly Dictionary<int, List<float>> _states = [];
    private readonly Dictionary<(DecoderStep Step, int Layer), (double Squares, long Count, double Largest)> _magnitudes = [];
    private float[] _copy = [];
    private int _chunk;

    /// <summary>Begins to capture.</summary>
    /// <param name="session">The session; at any position.</param>
    /// <param name="options">What to keep; null for the attention weights of every layer and head and all hidden states.</param>
    /// <exception cref="AnalysisException">The model has no such layer or head.</exception>
    public ActivationCapture(DecoderSession session, ActivationCaptureOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        _options = options ?? new();
        Config = session.Config;
        AnalysisException.RequireWithin("layers", _options.Layers, Config.LayerCount);
        AnalysisException.RequireWithin("heads", _options.Heads, Config.HeadCount);
        _layers = [.. _options.Layers?.Distinct().Order() ?? Enumerable.Range(0, Config.LayerCount)];
        _heads = [.. _options.Heads?.Distinct().Order() ?? Enumerable.Range(0, Config.HeadCount)];
        _session = session;
        _before = session.Observer;
        FirstPosition = session.Position;
        session.Observer = Observe;
    }

    /// <summary>The model's configuration.</summary>
    public LlamaConfig Config { get; }

    /// <summary>Layers whose attention weights are kept.</summary>
    public IReadOnlyList<int> Layers => _layers;

    /// <summary>Query heads whose attention weights are kept.</summary>
    public IReadOnlyList<int> Heads => _heads;

    /// <summary>Position of the first token captured.</summary>
    public int FirstPosition { get; }

    /// <summary>Number of tokens captured.</summary>
    public int TokenCount { get; private set; }

    /// <summary>Magnitudes of the steps in the order of the forward pass, if asked for.</summary>
    public IReadOnlyList<StepMagnitude> Magnitudes =>
        [.. _magnitudes.Select(entry => new StepMagnitude(
            entry.Key.Step, entry.Key.Layer, Math.Sqrt(entry.Value.Squares / entry.Value.Count), entry.Value.Largest))];

    /// <summary>The attention weights of a head: a row for each token captured, each over all positions.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They were not asked for, or no token was computed.</exception>
    public AttentionMap Attention(int layer, int head)
    {
        if (!_weights.TryGetValue((layer, head), out var rows))
        {
            throw new ArgumentOutOfRangeException(nameof(head), $"layer {layer}, head {head}: nothing was captured");
        }

        return new AttentionMap(layer, head, FirstPosition, [.. rows]);
    }

    /// <summary>The hidden states after a layer: (tokens captured, hidden).</summary>
    /// <param name="layer">The layer; -1 for the embedding.</param>
    /// <exception cref="ArgumentOutOfRangeException">They were not asked for, no token was computed, or there is no such layer.</exception>
    public ReadOnlySpan<float> HiddenStates(int layer) => _states.TryGetValue(layer, out var states)
        ? System.Runtime.InteropServices.CollectionsMarshal.AsSpan(states)
        : throw new ArgumentOutOfRangeException(nameof(layer), layer, "nothing was captured");

    /// <summary>Ends the capture; what was captured stays.</summary>
    public void Dispose() => _session.Observer = _before;

    private void Observe(DecoderStep step, int layer, ArrayView<float> values)
    {
        _before?.Invoke(step, layer, values);
        switch (step)
        {
            case DecoderStep.Embedding:
                _chunk = (int)(values.Length / Config.HiddenSize);
                TokenCount += _chunk;
                KeepState(layer, values);
                break;
            case DecoderStep.MlpResidual:
                KeepState(layer, values);
                break;
            case DecoderStep.Probabilities when _options.AttentionWeights && _layers.Contains(layer):
                KeepWeights(layer, values);
                break;
        }

        if (_options.Magnitudes)
        {
            KeepMagnitude(step, layer, values);
        }
    }

    private void KeepState(int layer, ArrayView<float> values)
    {
        if (_options.HiddenStates)
        {
            if (!_states.TryGetValue(layer, out var states))
            {
                _states.Add(layer, states = []);
            }

            states.AddRange(Copy(values));
        }
    }

    // (heads, tokens of the chunk, positions)
    private void KeepWeights(int layer, ArrayView<float> values)
    {
        int positions = (int)(values.Length / ((long)Config.HeadCount * _chunk));
        foreach (int head in _heads)
        {
            if (!_weights.TryGetValue((layer, head), out var rows))
            {
                _weights.Add((layer, head), rows = []);
            }

            long size = (long)_chunk * positions;
            ReadOnlySpan<float> ofHead = Copy(values.SubView(head * size, size));
            for (int token = 0; token < _chunk; token++)
            {
                rows.Add(ofHead.Slice(token * positions, positions).ToArray());
            }
        }
    }

    private void KeepMagnitude(DecoderStep step, int layer, ArrayView<float> values)
    {
        (double squares, long count, double largest) = _magnitudes.GetValueOrDefault((step, layer));
        foreach (float value in Copy(values))
        {
            squares += (double)value * value;
            largest = Math.Max(largest, Math.Abs(value));
        }

        _magnitudes[(step, layer)] = (squares, count + values.Length, largest);
    }

    private ReadOnlySpan<float> Copy(ArrayView<float> values)
    {
        if (_copy.Length < values.Length)
        {
            _copy = new float[values.Length];
        }

        Span<float> copy = _copy.AsSpan(0, (int)values.Length);
        values.CopyToCPU(_session.Stream, copy);
        return copy;
    }
}
