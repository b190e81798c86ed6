namespace Llama.Gpu.Tokenization;

/// <summary>Hugging Face's rules: only pairs on a list merge, and the earlier goes first.</summary>
/// <param name="tokens">The model's tokens; has each single byte, unless it is of characters.</param>
/// <param name="merges">From a pair of tokens to its place in the list and to what it becomes.</param>
/// <param name="ignoreMerges">Whether a piece that is a token is that token, whatever merging would make of it.</param>
/// <param name="characters">What becomes of characters, or null where merging begins with bytes.</param>
internal sealed class ListedMerges(
    TokenIndex tokens, Dictionary<(int Left, int Right), (int Rank, int Id)> merges, bool ignoreMerges, CharacterTokens? characters = null)
    : IMergeRules
{
    private readonly int[] _byteTokens = tokens.ByteTokens();

    /// <inheritdoc/>
    public int Symbol(ReadOnlySpan<byte> piece, int at, out int length)
    {
        if (characters is not null)
        {
            return characters.Symbol(piece, at, out length);
        }

        length = 1;
        return _byteTokens[piece[at]];
    }

    /// <inheritdoc/>
    public void WriteUnknown(ReadOnlySpan<byte> symbol, List<int> ids) => characters?.WriteUnknown(symbol, ids);

    /// <inheritdoc/>
    public bool TryWholePiece(ReadOnlySpan<byte> piece, out int id)
    {
        id = -1;
        return ignoreMerges && tokens.TryFind(piece, out id);
    }

    /// <inheritdoc/>
    public bool TryMerge(ReadOnlySpan<byte> merged, int left, int right, out int rank, out int id)
    {
        bool found = merges.TryGetValue((left, right), out (int Rank, int Id) merge);
        (rank, id) = merge;
        return found;
    }
}
