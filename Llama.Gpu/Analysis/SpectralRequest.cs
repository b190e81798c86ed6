using Llama.Gpu.Model;

namespace Llama.Gpu.Analysis;

/// <summary>What <see cref="SpectralAnalysis"/> is to look at; all of q, k, v and o by default.</summary>
public sealed record SpectralRequest
{
    /// <summary>Layers, from 0; null for all. Only these are read from disk.</summary>
    public IReadOnlyCollection<int>? Layers { get; init; }

    /// <summary>Query heads, from 0; null for all. Of k and v, the KV heads that these use are reported.</summary>
    public IReadOnlyCollection<int>? Heads { get; init; }

    /// <summary>Matrices of a head.</summary>
    public IReadOnlyCollection<HeadMatrix> Matrices { get; init; } = [.. HeadMatrices.Stored];

    /// <summary>Whether k and v are reported for each query head that uses them, rather than once.</summary>
    public bool PerQueryHead { get; init; }

    /// <summary>Checks the request against a model.</summary>
    /// <exception cref="AnalysisException">A layer or a head that the model does not have, or nothing asked for.</exception>
    internal void Validate(LlamaConfig config)
    {
        AnalysisException.RequireWithin("layers", Layers, config.LayerCount);
        AnalysisException.RequireWithin("heads", Heads, config.HeadCount);
        if (Matrices.Count == 0)
        {
            throw new AnalysisException("matrices: expected at least one, found none");
        }
    }
}

/// <summary>An analysis that a model does not offer: the message names the argument, what was expected and what was found.</summary>
public sealed class AnalysisException(string message) : LlamaException(message)
{
    /// <summary>Checks a choice of layers or heads.</summary>
    /// <param name="name">What is chosen.</param>
    /// <param name="chosen">The choice; null for all.</param>
    /// <param name="count">How many there are.</param>
    internal static void RequireWithin(string name, IReadOnlyCollection<int>? chosen, int count)
    {
        if (chosen is { Count: 0 })
        {
            throw new AnalysisException($"{name}: expected at least one, found none");
        }

        foreach (int index in chosen ?? [])
        {
            if ((uint)index >= (uint)count)
            {
                throw new AnalysisException($"{name}: expected from 0 to {count - 1}, found {index}");
            }
        }
    }
}
