using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>How merging begins where a vocabulary is of characters: one that has no token becomes its bytes' tokens, or the unknown one.</summary>
internal sealed class CharacterTokens
{
    private readonly TokenIndex _tokens;
    private readonly int[]? _byteTokens;
    private readonly int? _unknown;

    /// <param name="tokens">The tokens that are text.</param>
    /// <param name="byteTokens">The token of each byte by value, or null where not every byte has one.</param>
    /// <param name="unknown">The token of what has no other.</param>
    public CharacterTokens(TokenIndex tokens, int[]? byteTokens, int? unknown)
    {
        _tokens = tokens;
        _byteTokens = byteTokens;
        _unknown = unknown;
    }

    /// <summary>The token of the character at a place, or -1.</summary>
    public int Symbol(ReadOnlySpan<byte> piece, int at, out int length)
    {
        Rune.DecodeFromUtf8(piece[at..], out _, out length);
        return _tokens.TryFind(piece.Slice(at, length), out int id) ? id : -1;
    }

    /// <summary>Writes the tokens of a character without one; characters that are unknown in a row are one token.</summary>
    public void WriteUnknown(ReadOnlySpan<byte> symbol, List<int> ids)
    {
        if (_byteTokens is not null)
        {
            foreach (byte value in symbol)
            {
                ids.Add(_byteTokens[value]);
            }
        }
        else if (_unknown is int unknown && !(ids.Count > 0 && ids[^1] == unknown))
        {
            ids.Add(unknown);
        }
    }
}
