namespace Llama.Gpu.Analysis;

/// <summary>The attention weights of one head: how much of each position's value every token takes.</summary>
public sealed class AttentionMap
{
    private readonly float[][] _rows;

    internal AttentionMap(int layer, int head, int firstPosition, float[][] rows)
    {
        Layer = layer;
        Head = head;
        FirstPosition = firstPosition;
        _rows = rows;
    }

    /// <summary>From 0.</summary>
    public int Layer { get; }

    /// <summary>The query head, from 0.</summary>
    public int Head { get; }

    /// <summary>Position of the token of the first row.</summary>
    public int FirstPosition { get; }

    /// <summary>Tokens: one row each.</summary>
    public int RowCount => _rows.Length;

    /// <summary>Positions: those before the first row's token, and one for each row.</summary>
    public int PositionCount => FirstPosition + _rows.Length;

    /// <summary>The weight that a token gives to a position: a row sums to 1; 0 behind the token's own position.</summary>
    /// <param name="row">The token, counted from the first row.</param>
    /// <param name="position">The position, counted from the beginning of the sequence.</param>
    public float this[int row, int position]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(position);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, PositionCount);
            return position < _rows[row].Length ? _rows[row][position] : 0f;
        }
    }
}
