namespace Llama.Gpu.Analysis;

/// <summary>A matrix of an attention head.</summary>
public enum HeadMatrix
{
    /// <summary>W_q: the head's rows of the query projection, (headDim, hidden).</summary>
    Query,

    /// <summary>W_k: the KV head's rows of the key projection, (headDim, hidden).</summary>
    Key,

    /// <summary>W_v: the KV head's rows of the value projection, (headDim, hidden).</summary>
    Value,

    /// <summary>W_o: the head's columns of the output projection, (hidden, headDim).</summary>
    Output,

    /// <summary>W_q^T W_k, (hidden, hidden) of rank headDim at most: what attention scores are made of, but for rotation.</summary>
    QueryKey,

    /// <summary>W_o W_v, (hidden, hidden) of rank headDim at most: what a head writes into the residual stream for what it reads.</summary>
    OutputValue,
}

/// <summary>Names of <see cref="HeadMatrix"/>, as the command line and the reports write them.</summary>
public static class HeadMatrices
{
    private static readonly string[] Names = ["q", "k", "v", "o", "qk", "ov"];

    /// <summary>q, k, v and o: those that a checkpoint stores.</summary>
    public static IReadOnlyList<HeadMatrix> Stored { get; } = [HeadMatrix.Query, HeadMatrix.Key, HeadMatrix.Value, HeadMatrix.Output];

    /// <summary>q, k, v, o, qk or ov.</summary>
    public static string Name(this HeadMatrix matrix) => Names[(int)matrix];

    /// <summary>Whether several query heads share it.</summary>
    public static bool IsOfKeyValueHead(this HeadMatrix matrix) => matrix is HeadMatrix.Key or HeadMatrix.Value;

    /// <summary>Reads a name.</summary>
    /// <exception cref="FormatException">Not one of q, k, v, o, qk and ov.</exception>
    public static HeadMatrix Parse(string name)
    {
        int index = Array.IndexOf(Names, name);
        return index >= 0 ? (HeadMatrix)index : throw new FormatException($"expected matrices among {string.Join(", ", Names)}, found '{name}'");
    }
}
