namespace Llama.Gpu.Tokenization;

/// <summary>Llama 3's pattern, which is also cl100k's, and its variant in which every digit is a piece.</summary>
/// <param name="longestNumber">Most digits in a piece: 3, or 1 in the variant.</param>
internal sealed class Llama3Scanner(int longestNumber) : PieceScanner
{
    /// <summary>As Llama 3 writes it.</summary>
    public const string Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>With <c>\p{N}</c> in place of <c>\p{N}{1,3}</c>.</summary>
    public const string SingleDigitPattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <inheritdoc/>
    public override int EndOfPiece(ReadOnlySpan<byte> text, int start)
    {
        if (text[start] == '\'' && EndOfContraction(text, start, ignoreCase: true) is int contraction && contraction > start)
        {
            return contraction;
        }

        RuneKind kind = RuneKinds.At(text, start, out int next);
        switch (kind)
        {
            case RuneKind.Letter:
                return RuneKinds.EndOfRun(text, next, RuneKind.Letter);
            case RuneKind.Number:
                return EndOfNumber(text, next);
            case RuneKind.Space or RuneKind.Other when RuneKinds.EndOfRun(text, next, RuneKind.Letter) is int word && word > next:
                return word;
            case RuneKind.Other:
                return EndOfSymbols(text, next);
            case RuneKind.Space when text[start] == ' ' && next < text.Length && RuneKinds.At(text, next, out _) == RuneKind.Other:
                return EndOfSymbols(text, next);
            default:
                return EndOfLines(text, start) is int lines && lines > start ? lines : EndOfWhiteSpace(text, start);
        }
    }

    /// <summary>The rest of <c>\p{N}{1,3}</c>.</summary>
    private int EndOfNumber(ReadOnlySpan<byte> text, int at)
    {
        for (int digits = 1; digits < longestNumber && at < text.Length && RuneKinds.At(text, at, out int next) == RuneKind.Number; digits++)
        {
            at = next;
        }

        return at;
    }

    /// <summary>The rest of <c> ?[^\s\p{L}\p{N}]+[\r\n]*</c>.</summary>
    private static int EndOfSymbols(ReadOnlySpan<byte> text, int at) =>
        RuneKinds.EndOfRun(text, RuneKinds.EndOfRun(text, at, RuneKind.Other), RuneKind.LineEnd);

    /// <summary><c>\s*[\r\n]+</c>: behind the last line end of a run of white space; <paramref name="start"/> where it has none.</summary>
    private static int EndOfLines(ReadOnlySpan<byte> text, int start)
    {
        int end = start;
        RuneKind kind;
        for (int at = start; at < text.Length && (kind = RuneKinds.At(text, at, out int next)) is RuneKind.Space or RuneKind.LineEnd; at = next)
        {
            if (kind == RuneKind.LineEnd)
            {
                end = next;
            }
        }

        return end;
    }
}
