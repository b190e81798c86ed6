using System.Text.Json.Nodes;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Tests.Checkpoints;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Ids against those that tools/tokenizer-reference/make_cases.py recorded by other means.</summary>
public sealed class RecordedCaseTests
{
    // llama.cpp's numbers of what a token is
    private const int Normal = 1;
    private const int Control = 3;
    private const int UserDefined = 4;
    private const int Unused = 5;

    [Test]
    public void Small_tiktoken_vocabulary_gives_the_recorded_ids() =>
        AssertCases(TokenizerFixtures.SmallTiktoken, "small-cases.jsonl");

    [Test]
    public void Small_tokenizer_json_gives_the_recorded_ids() =>
        AssertCases(TokenizerFixtures.SmallHuggingFace, "small-cases.jsonl");

    [Test]
    public void Small_tokenizer_json_that_merges_whole_words_too_gives_the_recorded_ids() =>
        AssertCases(TokenizerFixtures.Changed(root => root["model"]!["ignore_merges"] = false), "small-cases.jsonl");

    [Test]
    public void Small_tokenizer_json_with_merges_as_arrays_gives_the_recorded_ids() =>
        AssertCases(TokenizerFixtures.Changed(MergesToArrays), "small-cases.jsonl");

    [Test]
    public void Byte_level_pre_tokenizer_alone_splits_by_GPT2s_pattern()
    {
        HuggingFaceTokenizer tokenizer = TokenizerFixtures.Changed(root =>
            root["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true });
        AssertCases(tokenizer, "small-gpt2-cases.jsonl");
    }

    [Test]
    public void Split_by_GPT2s_pattern_is_the_same()
    {
        HuggingFaceTokenizer tokenizer = TokenizerFixtures.Changed(root =>
            root["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] =
                @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");
        AssertCases(tokenizer, "small-gpt2-cases.jsonl");
    }

    [Test]
    public void Llama_3s_vocabulary_gives_the_recorded_ids() =>
        AssertCases(TiktokenTokenizer.Load(RealData.PathOf("llama3/tokenizer.model")), "llama3-cases.jsonl");

    [TestCase("llama-bpe", "small-cases.jsonl")]
    [TestCase("gpt-2", "small-gpt2-cases.jsonl")]
    public void Same_vocabulary_in_a_gguf_file_gives_the_recorded_ids(string pattern, string cases) =>
        AssertCases(GgufTokenizer.Read(new MemorySource("small.gguf", SmallGguf(pattern).ToArray())), cases);

    [Test]
    public void Token_types_of_a_gguf_file_say_what_text_becomes()
    {
        ITokenizer tokenizer = GgufTokenizer.Read(
            new MemorySource("small.gguf", SmallGguf("llama-bpe", ("@@", UserDefined), ("[PAD525]", Unused)).ToArray()));
        Assert.That(tokenizer.VocabularySize, Is.EqualTo(526));
        Assert.That(tokenizer.BeginOfTextId, Is.EqualTo(512));
        Assert.That(tokenizer.EndOfTextIds, Is.EqualTo(TokenizerFixtures.SmallHuggingFace.EndOfTextIds));
        Assert.That(tokenizer.Encode("@@"), Is.EqualTo(new[] { 512, 524 }), "a user's token is found in every text");
        Assert.That(tokenizer.Encode("<|eot_id|>[PAD525]", addBeginOfText: false), Has.All.LessThan(512), "the others are not");
        Assert.That(tokenizer.Encode("<|eot_id|>", addBeginOfText: false, parseSpecial: true), Is.EqualTo(new[] { 521 }));
        Assert.That(new[] { 521, 524, 525 }.Select(tokenizer.IsSpecial), Is.EqualTo(new[] { true, false, true }));
    }

    [Test]
    public void Unknown_pattern_of_a_gguf_file_is_refused_by_its_name() => Assert.That(
        () => GgufTokenizer.Read(new MemorySource("small.gguf", SmallGguf("qwen2").ToArray())),
        Throws.TypeOf<TokenizerException>().With.Message.Contains("tokenizer.ggml.pre").And.Message.Contains("found qwen2"));

    private static GgufBuilder SmallGguf(string pattern, params (string Text, int Type)[] more) =>
        Gguf(TokenizerFixtures.ChangedJson(_ => { }), pattern, more);

    /// <summary>A tokenizer.json as llama.cpp's converter puts it into a GGUF file.</summary>
    internal static GgufBuilder Gguf(byte[] tokenizerJson, string pattern, params (string Text, int Type)[] more)
    {
        JsonObject root = JsonNode.Parse(tokenizerJson)!.AsObject();
        string[] vocabulary = [.. root["model"]!["vocab"]!.AsObject().OrderBy(token => (int)token.Value!).Select(token => token.Key)];
        string[] added = [.. root["added_tokens"]!.AsArray().Select(token => (string)token!["content"]!)];
        return new GgufBuilder()
            .Add("general.architecture", "llama")
            .Add("tokenizer.ggml.model", "gpt2")
            .Add("tokenizer.ggml.pre", pattern)
            .Add("tokenizer.ggml.tokens", [.. vocabulary, .. added, .. more.Select(token => token.Text)])
            .Add(
                "tokenizer.ggml.token_type",
                [.. vocabulary.Select(_ => Normal), .. added.Select(_ => Control), .. more.Select(token => token.Type)])
            .Add("tokenizer.ggml.merges", [.. root["model"]!["merges"]!.AsArray().Select(merge => (string)merge!)])
            .Add("tokenizer.ggml.bos_token_id", (uint)vocabulary.Length)
            .Add("tokenizer.ggml.eos_token_id", (uint)vocabulary.Length + 1);
    }

    private static void AssertCases(ITokenizer tokenizer, string file)
    {
        TokenizerCase[] cases = TokenizerFixtures.ReadCases(file);
        Assert.That(cases, Has.Length.GreaterThan(1000));
        using (Assert.EnterMultipleScope())
        {
            foreach (TokenizerCase one in cases)
            {
                Assert.That(tokenizer.Encode(one.Text, addBeginOfText: false, one.Special), Is.EqualTo(one.Ids), () => Escape(one.Text));
                Assert.That(tokenizer.Decode(one.Ids, skipSpecial: false), Is.EqualTo(one.Text));
            }
        }
    }

    private static void MergesToArrays(JsonObject root)
    {
        var pairs = new JsonArray();
        foreach (JsonNode? merge in root["model"]!["merges"]!.AsArray())
        {
            string[] parts = ((string)merge!).Split(' ');
            pairs.Add(new JsonArray(parts[0], parts[1]));
        }

        root["model"]!["merges"] = pairs;
    }

    private static string Escape(string text) => System.Text.Json.JsonSerializer.Serialize(text);
}
