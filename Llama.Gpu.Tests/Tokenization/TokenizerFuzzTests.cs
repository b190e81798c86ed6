using System.Text;
using System.Text.Json.Nodes;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Tests.Checkpoints;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Files with bytes changed at random, always the same: nothing but a typed error comes out, or a tokenizer that works.</summary>
public sealed class TokenizerFuzzTests
{
    private const int Mutations = 10_000;
    private const string Probe = "the answer's 42, \U0001D7D8\U0001F600<|eot_id|>\r\n  @@ ";

    private static readonly string[] Snippets =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "true", "-1", "0", "1", "255", "2147483648", "1e99", "\"\\ud800\"", "\"a b\"", "\u0120",
        " ", "\n", "\r\n", "=", "==", "IQ==", "\"special\":true,", "\"lstrip\":true,", "\"rstrip\":true,", "\"single_word\":true,", "\0", "\uFFFD",
    ];

    [Test]
    public void Mutated_tiktoken_file_is_read_or_refused() =>
        Fuzz(File.ReadAllBytes(Path.Combine(TokenizerFixtures.SmallFolder, "tokenizer.model")), data => TiktokenTokenizer.Parse(data, "fuzz"));

    [Test]
    public void Mutated_tokenizer_json_is_read_or_refused() =>
        Fuzz(TokenizerFixtures.ChangedJson(MakeSmaller), data => HuggingFaceTokenizer.Parse(data, "fuzz"));

    [Test]
    public void Mutated_SentencePiece_model_is_read_or_refused() =>
        Fuzz(
            File.ReadAllBytes(Path.Combine(RepositoryFolder.Fixtures("Checkpoints"), "meta-1", "tokenizer.model")),
            data => SentencePieceTokenizer.Parse(data, "fuzz"));

    [Test]
    public void Mutated_tokenizer_json_of_characters_is_read_or_refused() =>
        Fuzz(
            File.ReadAllBytes(Path.Combine(RepositoryFolder.Fixtures("Tokenization"), "small-spm", "tokenizer.json")),
            data => HuggingFaceTokenizer.Parse(data, "fuzz"));

    [TestCase("bytes")]
    [TestCase("pieces")]
    public void Mutated_tokenizer_of_a_gguf_file_is_read_or_refused(string kind)
    {
        var file = kind == "bytes" ? RecordedCaseTests.Gguf(TokenizerFixtures.ChangedJson(MakeSmaller), "llama-bpe") : Pieces();
        Fuzz(file.ToArray(), data => GgufTokenizer.Read(new MemorySource("fuzz", data)));

        static GgufBuilder Pieces()
        {
            string model = Path.Combine(RepositoryFolder.Fixtures("Checkpoints"), "meta-1", "tokenizer.model");
            var pieces = SentencePieceModel.Parse(File.ReadAllBytes(model), model).Pieces;
            return new GgufBuilder()
                .Add("tokenizer.ggml.model", "llama")
                .Add("tokenizer.ggml.tokens", [.. pieces.Select(piece => Encoding.UTF8.GetString(piece.Text.Span))])
                .Add("tokenizer.ggml.scores", [.. pieces.Select(piece => piece.Score)])
                .Add("tokenizer.ggml.token_type", [.. pieces.Select(piece => (int)piece.Type)])
                .Add("tokenizer.ggml.bos_token_id", 1u);
        }
    }

    [Test]
    public void Mutated_tokenizer_config_is_read_or_refused()
    {
        byte[] model = File.ReadAllBytes(Path.Combine(RepositoryFolder.Fixtures("Checkpoints"), "meta-1", "tokenizer.model"));
        byte[] config = """
            {"bos_token":"<s>","eos_token":{"content":"</s>","lstrip":false},
             "added_tokens_decoder":{"1":{"content":"<s>","special":true},"48":{"content":"@@"},"49":{"content":"[PAD]","special":true}}}
            """u8.ToArray();
        Fuzz(config, data => SentencePieceTokenizer.Create(SentencePieceModel.Parse(model, "model"), TokenRoles.Parse(data, "fuzz"), "model"));
    }

    private static void Fuzz(byte[] seed, Func<byte[], ITokenizer> parse)
    {
        Assert.That(() => parse(seed), Throws.Nothing);
        var random = new Random(42);
        int refused = 0;
        for (int i = 0; i < Mutations; i++)
        {
            byte[] mutant = Mutate(seed, random);
            try
            {
                ITokenizer tokenizer = parse(mutant);
                foreach (bool parseSpecial in new[] { false, true })
                {
                    int[] ids = tokenizer.Encode(Probe, addBeginOfText: true, parseSpecial);
                    Assert.That(ids, Has.All.InRange(0, tokenizer.VocabularySize - 1));
                    tokenizer.Decode(ids, skipSpecial: false);
                }
            }
            catch (TokenizerException)
            {
                refused++;
            }
            catch (Exception error) when (error is not AssertionException)
            {
                Assert.Fail($"mutation {i}: {error}\n{Encoding.UTF8.GetString(mutant)}");
            }
        }

        Assert.That(refused, Is.InRange(Mutations / 2, Mutations - 100), "some mutations spare the file, most do not");
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        var bytes = new List<byte>(seed);
        for (int edits = random.Next(1, 4); edits > 0; edits--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at - 1));
                    break;
                case 3:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Snippets[random.Next(Snippets.Length)]));
                    break;
                case 4:
                    bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, Math.Min(random.Next(1, 60), bytes.Count - at)));
                    break;
                default:
                    ChangeDigits(bytes, at, random);
                    break;
            }
        }

        return random.Next(50) == 0 ? [.. bytes.Take(random.Next(bytes.Count))] : [.. bytes];
    }

    // the next number in the file becomes another one, so that ids and ranks collide and not only syntax breaks
    private static void ChangeDigits(List<byte> bytes, int at, Random random)
    {
        int start = bytes.FindIndex(at, value => value is >= (byte)'0' and <= (byte)'9');
        if (start >= 0)
        {
            int end = bytes.FindIndex(start, value => value is < (byte)'0' or > (byte)'9');
            bytes.RemoveRange(start, (end < 0 ? bytes.Count : end) - start);
            bytes.InsertRange(start, Encoding.ASCII.GetBytes($"{random.Next(300)}"));
        }
    }

    // 270 tokens: as few as there can be with merges, so that mutations hit the structure as often as the list of bytes
    private static void MakeSmaller(JsonObject root)
    {
        JsonObject vocabulary = root["model"]!["vocab"]!.AsObject();
        foreach (string spelling in vocabulary.Where(token => (int)token.Value! >= 266).Select(token => token.Key).ToArray())
        {
            vocabulary.Remove(spelling);
        }

        root["model"]!["merges"] = new JsonArray([.. root["model"]!["merges"]!.AsArray().Take(10).Select(merge => merge!.DeepClone())]);
        root["added_tokens"] = new JsonArray(
            TokenizerFixtures.AddedToken(266, "<|begin_of_text|>", special: true), TokenizerFixtures.AddedToken(267, "<|eot_id|>", special: true),
            TokenizerFixtures.AddedToken(268, "@@", lstrip: true), TokenizerFixtures.AddedToken(269, "aa", singleWord: true, normalized: true));
        root["post_processor"]!["processors"]![1]!["special_tokens"]!["<|begin_of_text|>"]!["ids"] = new JsonArray(266);
    }
}
