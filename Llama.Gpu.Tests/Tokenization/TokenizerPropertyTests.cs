using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>What holds for every text.</summary>
public sealed class TokenizerPropertyTests
{
    private static readonly ITokenizer[] Tokenizers = [TokenizerFixtures.SmallTiktoken, TokenizerFixtures.SmallHuggingFace];

    [TestCaseSource(nameof(Tokenizers))]
    public void Text_comes_back_as_it_was(ITokenizer tokenizer) =>
        TokenizerFixtures.Holds(TokenizerFixtures.Texts, text => tokenizer.Decode(tokenizer.Encode(text)) == text);

    [TestCaseSource(nameof(Tokenizers))]
    public void Lone_surrogates_come_back_as_replacement_characters(ITokenizer tokenizer) =>
        TokenizerFixtures.Holds(
            TokenizerFixtures.Strings, text => tokenizer.Decode(tokenizer.Encode(text)) == Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)));

    [Test]
    public void Both_formats_of_a_vocabulary_give_the_same_ids() =>
        TokenizerFixtures.Holds(
            TokenizerFixtures.Texts,
            text => Tokenizers[0].Encode(text, parseSpecial: true).SequenceEqual(Tokenizers[1].Encode(text, parseSpecial: true)));

    [Test]
    public void Merging_gives_what_the_plainest_loop_gives()
    {
        Arbitrary<string> words = Gen.Elements("t", "h", "e", "r", "n", "i", "g", "a", "s", "o", " ", "\u00E9", "\U0001F600").NonEmptyListOf()
            .Select(letters => string.Concat(letters)).ToArbitrary();
        TiktokenTokenizer tokenizer = TokenizerFixtures.SmallTiktoken;
        var merger = new PieceMerger(new RankMerges(IndexOf(tokenizer)));
        var ranks = Enumerable.Range(0, 512).ToDictionary(id => Convert.ToHexString(tokenizer.TokenBytes(id).Span));
        TokenizerFixtures.Holds(words, word =>
        {
            var parts = Encoding.UTF8.GetBytes(word).Select(value => value.ToString("X2", CultureInfo.InvariantCulture)).ToList();
            while (parts.Zip(parts.Skip(1), (a, b) => ranks.GetValueOrDefault(a + b, int.MaxValue)).DefaultIfEmpty(int.MaxValue).Min() is int lowest and < int.MaxValue)
            {
                int at = Enumerable.Range(0, parts.Count - 1).First(i => ranks.GetValueOrDefault(parts[i] + parts[i + 1], int.MaxValue) == lowest);
                parts[at] += parts[at + 1];
                parts.RemoveAt(at + 1);
            }

            var ids = new List<int>();
            merger.Encode(Encoding.UTF8.GetBytes(word), ids);
            return ids.SequenceEqual(parts.Select(part => ranks[part]));
        });
    }

    /// <summary>Within the BMP .NET's own regular expressions are an independent judge; they do not fold U+017F, so it is left out.</summary>
    [TestCase(Llama3Scanner.Pattern)]
    [TestCase(Llama3Scanner.SingleDigitPattern)]
    [TestCase(Gpt2Scanner.Pattern)]
    public void Scanner_cuts_as_the_regular_expression_does(string pattern)
    {
        var regex = new Regex(pattern, RegexOptions.CultureInvariant);
        PieceScanner scanner = PieceScanner.ForPattern(pattern)!;
        TokenizerFixtures.Holds(TokenizerFixtures.Texts, text =>
        {
            string plane0 = string.Concat(text.Where(unit => !char.IsSurrogate(unit) && unit != '\u017F'));
            return regex.Matches(plane0).Select(match => match.Value).SequenceEqual(Cut(scanner, plane0));
        });
    }

    [Test]
    public void White_space_is_what_Unicode_says()
    {
        string found = string.Join(' ', AllRunes()
            .Where(rune => RuneKinds.Of(rune) is RuneKind.Space or RuneKind.LineEnd)
            .Select(rune => rune.Value.ToString("X4", CultureInfo.InvariantCulture)));

        Assert.That(found, Is.EqualTo(
            "0009 000A 000B 000C 000D 0020 0085 00A0 1680 2000 2001 2002 2003 2004 2005 2006 2007 2008 2009 200A 2028 2029 202F 205F 3000"));
    }

    [TestCase(0x1D7D8, nameof(RuneKind.Number))]
    [TestCase(0x00BD, nameof(RuneKind.Number))]
    [TestCase(0x2167, nameof(RuneKind.Number))]
    [TestCase(0x1F100, nameof(RuneKind.Number))]
    [TestCase(0x10400, nameof(RuneKind.Letter))]
    [TestCase(0x20000, nameof(RuneKind.Letter))]
    [TestCase(0x01C5, nameof(RuneKind.Letter))]
    [TestCase(0x02B0, nameof(RuneKind.Letter))]
    [TestCase(0x0301, nameof(RuneKind.Other))]
    [TestCase(0x1F600, nameof(RuneKind.Other))]
    [TestCase(0x200B, nameof(RuneKind.Other))]
    [TestCase(0x180E, nameof(RuneKind.Other))]
    [TestCase(0x001C, nameof(RuneKind.Other))]
    [TestCase(0x10FFFF, nameof(RuneKind.Other))]
    public void Character_is_of_its_kind(int value, string kind) =>
        Assert.That(RuneKinds.Of(new Rune(value)).ToString(), Is.EqualTo(kind));

    [TestCase("a")]
    [TestCase("the")]
    [TestCase(" ")]
    [TestCase("\n ")]
    [TestCase("\U0001F600")]
    [TestCase("<|eot_id")]
    [TestCase("'")]
    public void Megabyte_without_a_break_takes_time_in_proportion(string unit)
    {
        string text = string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length));
        foreach (ITokenizer tokenizer in Tokenizers)
        {
            var clock = Stopwatch.StartNew();
            int[] ids = tokenizer.Encode(text, addBeginOfText: false, parseSpecial: true);
            Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)), "quadratic merging would take minutes");
            Assert.That(tokenizer.Decode(ids), Is.EqualTo(text));
        }
    }

    private static IEnumerable<Rune> AllRunes() => Enumerable.Range(0, 0x110000).Where(Rune.IsValid).Select(value => new Rune(value));

    private static TokenIndex IndexOf(TiktokenTokenizer tokenizer)
    {
        var index = new TokenIndex(512, 4096);
        for (int id = 0; id < 512; id++)
        {
            index.TryAdd(tokenizer.TokenBytes(id).Span, id, out _);
        }

        return index;
    }

    private static List<string> Cut(PieceScanner scanner, string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        var pieces = new List<string>();
        for (int start = 0, end; start < utf8.Length; start = end)
        {
            end = scanner.EndOfPiece(utf8, start);
            pieces.Add(Encoding.UTF8.GetString(utf8, start, end - start));
        }

        return pieces;
    }
}
