namespace Llama.Gpu.Tokenization;

/// <summary>SentencePiece's rules: two neighbours may merge if their text together is a piece, and the highest score goes first.</summary>
/// <param name="tokens">The pieces that are text.</param>
/// <param name="ranks">By id: the place of its score among all scores, the highest first; equal scores share one.</param>
/// <param name="characters">What becomes of characters.</param>
internal sealed class ScoreMerges(TokenIndex tokens, int[] ranks, CharacterTokens characters) : IMergeRules
{
    /// <inheritdoc/>
    public int Symbol(ReadOnlySpan<byte> piece, int at, out int length) => characters.Symbol(piece, at, out length);

    /// <inheritdoc/>
    public void WriteUnknown(ReadOnlySpan<byte> symbol, List<int> ids) => characters.WriteUnknown(symbol, ids);

    /// <inheritdoc/>
    public bool TryWholePiece(ReadOnlySpan<byte> piece, out int id)
    {
        id = -1;
        return false;
    }

    /// <inheritdoc/>
    public bool TryMerge(ReadOnlySpan<byte> merged, int left, int right, out int rank, out int id)
    {
        bool found = tokens.TryFind(merged, out id);
        rank = found ? ranks[id] : 0;
        return found;
    }
}
