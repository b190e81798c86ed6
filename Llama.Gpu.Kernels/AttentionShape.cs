namespace Llama.Gpu.Kernels;

/// <summary>
/// Extents of one attention step of one sequence. Query token t stands at position <see cref="FirstPosition"/> + t and sees
/// the keys at positions 0 to its own; query heads share key-value heads in groups of equal size.
/// </summary>
/// <param name="TokenCount">Query tokens T.</param>
/// <param name="FirstPosition">Position of the first query token: the number of positions the cache held before it.</param>
/// <param name="HeadCount">Query heads.</param>
/// <param name="KeyValueHeadCount">Key and value heads; divides <paramref name="HeadCount"/>.</param>
/// <param name="HeadDim">Width of one head; even.</param>
public readonly record struct AttentionShape(int TokenCount, int FirstPosition, int HeadCount, int KeyValueHeadCount, int HeadDim)
{
    /// <summary>Positions S that the cache holds with these tokens: the length of a row of scores.</summary>
    public int PositionCount => FirstPosition + TokenCount;

    /// <summary>Query heads that share a key-value head.</summary>
    public int HeadsPerGroup => HeadCount / KeyValueHeadCount;

    /// <summary>Width of all query heads together.</summary>
    public int QueryWidth => HeadCount * HeadDim;

    /// <summary>Width of all key (or value) heads together: a row of a cache.</summary>
    public int KeyValueWidth => KeyValueHeadCount * HeadDim;

    /// <summary>Query-key pairs that the causal mask leaves, over all heads.</summary>
    internal long VisiblePairs => HeadCount * (((long)FirstPosition * TokenCount) + ((long)TokenCount * (TokenCount + 1L) / 2));

    /// <summary>Throws an <see cref="ArgumentException"/> unless the extents fit together.</summary>
    internal void Validate(string name)
    {
        Require.Dimension(TokenCount, $"{name}.{nameof(TokenCount)}");
        Require.Position(FirstPosition, TokenCount, $"{name}.{nameof(FirstPosition)}");
        Require.Dimension(HeadCount, $"{name}.{nameof(HeadCount)}");
        Require.Dimension(KeyValueHeadCount, $"{name}.{nameof(KeyValueHeadCount)}");
        Require.HeadDim(HeadDim, $"{name}.{nameof(HeadDim)}");
        if (HeadCount % KeyValueHeadCount != 0)
        {
            throw new ArgumentException(
                $"expected a divisor of the {HeadCount} query heads, found {KeyValueHeadCount}", $"{name}.{nameof(KeyValueHeadCount)}");
        }

        Require.Heads(HeadCount, HeadDim, $"{name}.{nameof(HeadDim)}");
    }
}
