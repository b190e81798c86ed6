using System.Globalization;
using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>What the split patterns tell characters apart by.</summary>
internal enum RuneKind
{
    /// <summary>None of the below: punctuation, symbols, marks, controls, unassigned.</summary>
    Other,

    /// <summary><c>\p{L}</c>.</summary>
    Letter,

    /// <summary><c>\p{N}</c>: digits, and numbers such as ½ and Ⅻ.</summary>
    Number,

    /// <summary><c>\s</c> but for the line ends below: Unicode's White_Space, which has U+0085 but not U+001C to U+001F or U+200B.</summary>
    Space,

    /// <summary><c>[\r\n]</c>.</summary>
    LineEnd,
}

/// <summary>
/// Reads characters off UTF-8. Whole code points, so that a letter beyond the BMP is a letter and not two surrogates.
/// Every text here comes from <see cref="Encoding.UTF8"/> and is valid.
/// </summary>
internal static class RuneKinds
{
    /// <summary>The kind of the character that begins at <paramref name="at"/>, and where the next one begins.</summary>
    public static RuneKind At(ReadOnlySpan<byte> text, int at, out int next)
    {
        Rune.DecodeFromUtf8(text[at..], out Rune rune, out int length);
        next = at + length;
        return Of(rune);
    }

    /// <summary>The end of the run of characters of one kind from <paramref name="at"/> on; <paramref name="at"/> itself if there is none.</summary>
    public static int EndOfRun(ReadOnlySpan<byte> text, int at, RuneKind kind)
    {
        while (at < text.Length && At(text, at, out int next) == kind)
        {
            at = next;
        }

        return at;
    }

    /// <summary>The kind of a character.</summary>
    public static RuneKind Of(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => RuneKind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => RuneKind.Number,
        UnicodeCategory.Control when rune.Value is '\r' or '\n' => RuneKind.LineEnd,
        _ => Rune.IsWhiteSpace(rune) ? RuneKind.Space : RuneKind.Other,
    };

    /// <summary>Whether regular expressions count a character as part of a word (<c>\w</c>, by Unicode's technical standard 18).</summary>
    public static bool IsWord(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber
            or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
            or UnicodeCategory.EnclosingMark or UnicodeCategory.ConnectorPunctuation => true,

        // alphabetic symbols (letters in circles and squares) and the joiners
        _ => rune.Value is (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169)
            or (>= 0x1F170 and <= 0x1F189) or 0x200C or 0x200D,
    };
}
