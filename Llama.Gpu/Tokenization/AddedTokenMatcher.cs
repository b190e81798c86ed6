using System.Buffers;
using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>An added token found in a text: its bytes and the white space it swallows.</summary>
/// <param name="Token">Which one.</param>
/// <param name="Start">First byte.</param>
/// <param name="End">One behind the last.</param>
internal readonly record struct AddedTokenMatch(AddedToken Token, int Start, int End);

/// <summary>
/// Finds added tokens in a text, the leftmost first and the longest of those that begin together, as Hugging Face's
/// tokenizers do. A token that may not be read (special, or inside a word) still covers its text: none is found within it.
/// </summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<(int Node, byte Value), int> _edges = []; // a trie over bytes, its root 0
    private readonly List<AddedToken?> _tokens = [null]; // by node, the token that ends there
    private readonly SearchValues<byte> _firstBytes;
    private readonly bool _onlySpecial;

    /// <param name="tokens">No two of the same content.</param>
    public AddedTokenMatcher(IReadOnlyCollection<AddedToken> tokens)
    {
        foreach (AddedToken token in tokens)
        {
            int node = 0;
            foreach (byte value in token.Content.Span)
            {
                if (!_edges.TryGetValue((node, value), out int child))
                {
                    child = _tokens.Count;
                    _tokens.Add(null);
                    _edges.Add((node, value), child);
                }

                node = child;
            }

            _tokens[node] = token;
        }

        _firstBytes = SearchValues.Create(tokens.Select(token => token.Content.Span[0]).ToArray());
        _onlySpecial = tokens.All(token => token.Special);
    }

    /// <summary>The tokens in a text, from left to right.</summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="parseSpecial">Whether special tokens are read.</param>
    public List<AddedTokenMatch> Find(ReadOnlySpan<byte> text, bool parseSpecial)
    {
        var matches = new List<AddedTokenMatch>();
        int taken = 0; // end of the last match, with the white space it swallowed
        int at = parseSpecial || !_onlySpecial ? 0 : text.Length;
        while (text[at..].IndexOfAny(_firstBytes) is int skip and >= 0)
        {
            at += skip;
            if (LongestAt(text, at) is not { } token)
            {
                at++;
                continue;
            }

            int end = at + token.Content.Length;
            if ((parseSpecial || !token.Special) && !(token.SingleWord && TouchesWord(text, at, end)))
            {
                int start = token.StripLeft ? SkipWhiteSpaceBefore(text, at, taken) : at;
                taken = token.StripRight ? SkipWhiteSpaceBehind(text, end) : end;
                matches.Add(new AddedTokenMatch(token, start, taken));
            }

            at = Math.Max(end, taken);
        }

        return matches;
    }

    private AddedToken? LongestAt(ReadOnlySpan<byte> text, int at)
    {
        AddedToken? longest = null;
        int node = 0;
        while (at < text.Length && _edges.TryGetValue((node, text[at++]), out node))
        {
            longest = _tokens[node] ?? longest;
        }

        return longest;
    }

    private static bool TouchesWord(ReadOnlySpan<byte> text, int start, int end)
    {
        Rune.DecodeLastFromUtf8(text[..start], out Rune before, out int beforeLength);
        Rune.DecodeFromUtf8(text[end..], out Rune behind, out int behindLength);
        return (beforeLength > 0 && RuneKinds.IsWord(before)) || (behindLength > 0 && RuneKinds.IsWord(behind));
    }

    private static int SkipWhiteSpaceBefore(ReadOnlySpan<byte> text, int at, int limit)
    {
        while (at > limit && Rune.DecodeLastFromUtf8(text[..at], out Rune before, out int length) == OperationStatus.Done
            && Rune.IsWhiteSpace(before))
        {
            at -= length;
        }

        return at;
    }

    private static int SkipWhiteSpaceBehind(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && RuneKinds.At(text, at, out int next) is RuneKind.Space or RuneKind.LineEnd)
        {
            at = next;
        }

        return at;
    }
}
