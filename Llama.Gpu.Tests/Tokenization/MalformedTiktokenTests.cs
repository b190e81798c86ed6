using System.Text;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Files in tiktoken's format that cannot be used: each is a typed error that says where and what.</summary>
public sealed class MalformedTiktokenTests
{
    private static readonly string[] Good = File.ReadAllLines(Path.Combine(TokenizerFixtures.SmallFolder, "tokenizer.model"));

    [Test]
    public void Empty_file_is_refused() => AssertRefused("", "no token for the byte 0x00");

    [Test]
    public void Line_without_a_rank_is_refused() => AssertRefused(WithLine(299, "IHRo"), "line 300: expected a token in base64, a space and its rank");

    [Test]
    public void Text_that_is_no_vocabulary_is_refused() => AssertRefused("# a README\n", "line 1: the token is no valid base64");

    [Test]
    public void Invalid_base64_is_refused() => AssertRefused(WithLine(17, "I=Q= 17"), "line 18: the token is no valid base64");

    [Test]
    public void Base64_cut_short_is_refused() => AssertRefused(WithLine(17, "IHRoZ 17"), "line 18: the token is no valid base64");

    [Test]
    public void Empty_token_is_refused() => AssertRefused(WithLine(300, " 300"), "line 301: a token of 0 bytes; expected 1 to 4096");

    [Test]
    public void Token_longer_than_any_is_refused() =>
        AssertRefused(WithLine(300, Convert.ToBase64String(new byte[4097]) + " 300"), "line 301: a token of 4097 bytes; expected 1 to 4096");

    [Test]
    public void Rank_that_is_no_number_is_refused() => AssertRefused(WithLine(300, "eHl6 3OO"), "line 301: the rank is no number from 0 up");

    [Test]
    public void Negative_rank_is_refused() => AssertRefused(WithLine(300, "eHl6 -1"), "line 301: the rank is no number from 0 up");

    [Test]
    public void Rank_beyond_32_bits_is_refused() => AssertRefused(WithLine(300, "eHl6 4294967296"), "line 301: the rank is no number from 0 up");

    [Test]
    public void Something_behind_the_rank_is_refused() => AssertRefused(WithLine(300, "eHl6 300 1"), "line 301: the rank is no number from 0 up");

    [Test]
    public void Rank_absurdly_large_is_refused() => AssertRefused(WithLine(300, "eHl6 2147483647"), "line 301: rank 2147483647 is out of range");

    [Test]
    public void Rank_given_twice_is_refused() => AssertRefused(WithLine(300, "eHl6 5"), "line 301: rank 5 is that of line 6 already");

    [Test]
    public void Token_given_twice_is_refused() => AssertRefused(WithLine(300, "IQ== 300"), "line 301: the token is that of line 1 already");

    [Test]
    public void Gap_between_ranks_is_refused() => AssertRefused(WithLine(300, ""), "511 tokens, but none of rank 300: ranks must count up from 0");

    [Test]
    public void Byte_without_a_token_is_refused() => AssertRefused(WithLine(32, "eHl6 32"), "no token for the byte 0x41: a vocabulary must have all 256");

    [Test]
    public void File_cut_in_the_middle_of_a_line_is_refused()
    {
        string whole = string.Join('\n', Good);
        AssertRefused(whole[..whole.IndexOf(" 200\n", StringComparison.Ordinal)], "line 201: expected a token in base64, a space and its rank");
    }

    [Test]
    public void SentencePiece_model_is_named_as_such()
    {
        byte[] start = [0x0A, 0x0E, 0x0A, 0x05, (byte)'<', (byte)'u', (byte)'n', (byte)'k', (byte)'>', 0x15, 0, 0, 0, 0, 0x18, 0x02];
        AssertRefused(start, "this is a SentencePiece model (Llama 1 and 2); expected tiktoken's lines");
    }

    [Test]
    public void Lines_may_end_as_on_Windows_and_stand_in_any_order()
    {
        byte[] shuffled = Encoding.UTF8.GetBytes(string.Join("\r\n", Good.Reverse()) + "\r\n\r\n");
        TiktokenTokenizer tokenizer = TiktokenTokenizer.Parse(shuffled, "shuffled.model");

        foreach (TokenizerCase one in TokenizerFixtures.ReadCases("small-cases.jsonl").Take(60))
        {
            Assert.That(tokenizer.Encode(one.Text, addBeginOfText: false), Is.EqualTo(one.Ids));
        }
    }

    private static string WithLine(int index, string line) => string.Join('\n', Good.Select((good, i) => i == index ? line : good));

    private static void AssertRefused(string content, string problem) => AssertRefused(Encoding.UTF8.GetBytes(content), problem);

    private static void AssertRefused(byte[] content, string problem)
    {
        TokenizerException? error = Assert.Throws<TokenizerException>(() => TiktokenTokenizer.Parse(content, "bad.model"));
        Assert.That(error!.Message, Does.StartWith("bad.model: " + problem));
        Assert.That(error.File, Is.EqualTo("bad.model"));
    }
}
