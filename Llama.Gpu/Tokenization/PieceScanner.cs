namespace Llama.Gpu.Tokenization;

/// <summary>
/// Cuts a text into the pieces that merging never crosses. Each scanner does by hand, in one pass over code points, what a
/// regular expression says, whose text is its name in tokenizer files. Every character belongs to a piece.
/// </summary>
internal abstract class PieceScanner
{
    /// <summary>Where the piece that begins at <paramref name="start"/> ends.</summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="start">A character's first byte, within the text.</param>
    public abstract int EndOfPiece(ReadOnlySpan<byte> text, int start);

    /// <summary>The scanner for a pattern, or null where none knows it.</summary>
    public static PieceScanner? ForPattern(string pattern) => pattern switch
    {
        Llama3Scanner.Pattern => new Llama3Scanner(longestNumber: 3),
        Llama3Scanner.SingleDigitPattern => new Llama3Scanner(longestNumber: 1),
        Gpt2Scanner.Pattern => new Gpt2Scanner(),
        _ => null,
    };

    /// <summary><c>\s+(?!\S)|\s+</c> at a white space character: a run, but for its last character where more text follows.</summary>
    protected static int EndOfWhiteSpace(ReadOnlySpan<byte> text, int start)
    {
        int last = start;
        int at = start;
        while (at < text.Length && RuneKinds.At(text, at, out int next) is RuneKind.Space or RuneKind.LineEnd)
        {
            last = at;
            at = next;
        }

        return at == text.Length || last == start ? at : last;
    }

    /// <summary>
    /// <c>'s|'t|'re|'ve|'m|'ll|'d</c> at an apostrophe: where the contraction ends, or <paramref name="start"/> where there is none.
    /// </summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="start">The apostrophe.</param>
    /// <param name="ignoreCase">Whether capitals count; so does U+017F, the long s, which folds to s.</param>
    protected static int EndOfContraction(ReadOnlySpan<byte> text, int start, bool ignoreCase)
    {
        ReadOnlySpan<byte> rest = text[(start + 1)..];
        if (ignoreCase && rest.StartsWith("\u017F"u8))
        {
            return start + 3;
        }

        int first = LetterAt(rest, 0, ignoreCase);
        int second = LetterAt(rest, 1, ignoreCase);
        return (first, second) switch
        {
            ('s' or 't' or 'm' or 'd', _) => start + 2,
            ('r', 'e') or ('v', 'e') or ('l', 'l') => start + 3,
            _ => start,
        };
    }

    private static int LetterAt(ReadOnlySpan<byte> text, int at, bool ignoreCase) =>
        at >= text.Length ? -1 : ignoreCase && text[at] is >= (byte)'A' and <= (byte)'Z' ? text[at] | 0x20 : text[at];
}
