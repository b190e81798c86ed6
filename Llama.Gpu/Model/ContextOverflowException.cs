namespace Llama.Gpu.Model;

/// <summary>More tokens than the context has room for.</summary>
public sealed class ContextOverflowException(int position, int tokens, int contextLength)
    : LlamaException($"{tokens} tokens at position {position} do not fit into a context of {contextLength}")
{
    /// <summary>Tokens already held.</summary>
    public int Position { get; } = position;

    /// <summary>Tokens that were to be added.</summary>
    public int Tokens { get; } = tokens;

    /// <summary>Positions the context has.</summary>
    public int ContextLength { get; } = contextLength;
}
