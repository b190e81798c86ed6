using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Text as it comes, token by token.</summary>
public sealed class IncrementalDecoderTests
{
    private static readonly TiktokenTokenizer Tokenizer = TokenizerFixtures.SmallTiktoken;
    private static readonly Dictionary<byte, int> ByteTokens = Enumerable.Range(0, 256).ToDictionary(id => Tokenizer.TokenBytes(id).Span[0]);

    [TestCase(new byte[] { 0x41 }, "A")]
    [TestCase(new byte[] { 0xC3, 0xA9 }, "|\u00E9")]
    [TestCase(new byte[] { 0xE2, 0x82, 0xAC, 0x21 }, "||\u20AC|!")]
    [TestCase(new byte[] { 0xF0, 0x9F, 0x98, 0x80 }, "|||\U0001F600")]
    [TestCase(new byte[] { 0xFF, 0x41 }, "\uFFFD|A")]
    [TestCase(new byte[] { 0x80, 0x80 }, "\uFFFD|\uFFFD")]
    [TestCase(new byte[] { 0xC0, 0x80 }, "\uFFFD|\uFFFD")]
    [TestCase(new byte[] { 0xC3, 0x41 }, "|\uFFFDA")]
    [TestCase(new byte[] { 0xE2, 0x82, 0x41 }, "||\uFFFDA")]
    [TestCase(new byte[] { 0xE0, 0x80 }, "|\uFFFD\uFFFD")]
    [TestCase(new byte[] { 0xED, 0xA0, 0x80 }, "|\uFFFD\uFFFD|\uFFFD")]
    [TestCase(new byte[] { 0xF4, 0x90 }, "|\uFFFD\uFFFD")]
    [TestCase(new byte[] { 0xF0, 0x9F, 0xC3, 0xA9 }, "||\uFFFD|\u00E9")]
    public void Character_comes_when_it_is_whole_and_an_error_when_it_is_certain(byte[] bytes, string pieces)
    {
        var decoder = new IncrementalDecoder(Tokenizer);

        Assert.That(string.Join('|', bytes.Select(value => decoder.Append(ByteTokens[value]))), Is.EqualTo(pieces));
        Assert.That(decoder.Flush(), Is.Empty);
    }

    [Test]
    public void Flush_ends_a_character_that_is_not_whole_and_begins_anew()
    {
        var decoder = new IncrementalDecoder(Tokenizer);

        Assert.That(decoder.Append(ByteTokens[0xE2]) + decoder.Append(ByteTokens[0x82]), Is.Empty);
        Assert.That(decoder.Flush(), Is.EqualTo("\uFFFD"));
        Assert.That(decoder.Flush(), Is.Empty);
        Assert.That(decoder.Append(ByteTokens[0x41]), Is.EqualTo("A"));
    }

    [Test]
    public void Special_tokens_are_left_out_unless_asked_for()
    {
        int endOfTurn = Tokenizer.EndOfTextIds[^1];

        Assert.That(new IncrementalDecoder(Tokenizer).Append(endOfTurn), Is.Empty);
        Assert.That(new IncrementalDecoder(Tokenizer, skipSpecial: false).Append(endOfTurn), Is.EqualTo("<|eot_id|>"));
    }

    [Test]
    public void Unknown_token_is_refused()
    {
        var decoder = new IncrementalDecoder(Tokenizer);

        Assert.That(() => decoder.Append(Tokenizer.VocabularySize), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => decoder.Append(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Pieces_of_any_text_are_the_text()
    {
        TokenizerFixtures.Holds(TokenizerFixtures.Texts, text =>
        {
            var decoder = new IncrementalDecoder(Tokenizer);
            return string.Concat(Tokenizer.Encode(text).Select(decoder.Append)) + decoder.Flush() == text;
        });
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Pieces_of_any_tokens_are_the_whole_decoded(bool skipSpecial)
    {
        Arbitrary<int[]> ids = Gen.Frequency(
            (4, Gen.Choose(0, 255)), (2, Gen.Choose(256, 511)), (1, Gen.Choose(512, 767))).ArrayOf().ToArbitrary();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(ids, tokens =>
        {
            var decoder = new IncrementalDecoder(Tokenizer, skipSpecial);
            var pieces = new StringBuilder();
            foreach (int id in tokens)
            {
                string piece = decoder.Append(id);
                if (piece.Length > 0 && (char.IsLowSurrogate(piece[0]) || char.IsHighSurrogate(piece[^1])))
                {
                    return false;
                }

                pieces.Append(piece);
            }

            return pieces.Append(decoder.Flush()).ToString() == Tokenizer.Decode(tokens, skipSpecial);
        }));
    }
}
