using System.Text.Json.Nodes;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Ids against those that tools/tokenizer-reference/make_cases.py recorded by other means.</summary>
public sealed class RecordedCaseTests
{
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

    private static void AssertCases(ITokenizer tokenizer, string file)
    {
        TokenizerCase[] cases = TokenizerFixtures.ReadCases(file);
        Assert.That(cases, Has.Length.GreaterThan(400));
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
