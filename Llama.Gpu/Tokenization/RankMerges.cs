namespace Llama.Gpu.Tokenization;

/// <summary>tiktoken's rules: two neighbours may merge if their bytes together are a token, and that token's id is the rank.</summary>
/// <param name="tokens">Every token but the special ones; has each single byte.</param>
internal sealed class RankMerges(TokenIndex tokens) : IMergeRules
{
    private readonly int[] _byteTokens = tokens.ByteTokens();

    /// <inheritdoc/>
    public int Symbol(ReadOnlySpan<byte> piece, int at, out int length)
    {
        length = 1;
        return _byteTokens[piece[at]];
    }

    /// <inheritdoc/>
    public void WriteUnknown(ReadOnlySpan<byte> symbol, List<int> ids) =>
        throw new InvalidOperationException("every byte has a token");

    /// <inheritdoc/>
    public bool TryWholePiece(ReadOnlySpan<byte> piece, out int id) => tokens.TryFind(piece, out id);

    /// <inheritdoc/>
    public bool TryMerge(ReadOnlySpan<byte> merged, int left, int right, out int rank, out int id)
    {
        bool found = tokens.TryFind(merged, out id);
        rank = id;
        return found;
    }
}
