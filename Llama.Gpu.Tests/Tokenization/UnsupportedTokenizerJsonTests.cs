using System.Text.Json.Nodes;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Whatever a tokenizer.json asks for that would give other ids if it were left out is refused by name.</summary>
public sealed class UnsupportedTokenizerJsonTests
{
    [Test]
    public void Unknown_split_pattern_is_printed() =>
        AssertRefused(
            root => root["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = @"\p{Lu}\p{Ll}+|.",
            @"pre_tokenizer.pretokenizers[0].pattern.Regex: this pattern is not supported: \p{Lu}\p{Ll}+|.");

    [Test]
    public void Split_at_a_string_is_refused() =>
        AssertRefused(
            root => root["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"] = new JsonObject { ["String"] = " " },
            "pre_tokenizer.pretokenizers[0].pattern: only a \"Regex\" is supported");

    [TestCase("behavior", "\"Removed\"", "\"Removed\" is not supported; expected \"Isolated\"")]
    [TestCase("invert", "true", "true is not supported; expected false")]
    public void Split_of_another_kind_is_refused(string field, string value, string problem) =>
        AssertRefused(
            root => root["pre_tokenizer"]!["pretokenizers"]![0]![field] = JsonNode.Parse(value),
            $"pre_tokenizer.pretokenizers[0].{field}: {problem}");

    [Test]
    public void Byte_level_with_a_prefix_space_is_refused() =>
        AssertRefused(
            root => root["pre_tokenizer"]!["pretokenizers"]![1]!["add_prefix_space"] = true,
            "pre_tokenizer.pretokenizers[1].add_prefix_space: true is not supported; expected false");

    [Test]
    public void Pre_tokenizer_without_byte_level_is_refused() =>
        AssertRefused(
            root => root["pre_tokenizer"]!["pretokenizers"]!.AsArray().RemoveAt(1),
            "pre_tokenizer: there is no \"ByteLevel\" step");

    [Test]
    public void Split_behind_the_byte_level_is_refused() =>
        AssertRefused(
            root =>
            {
                JsonArray steps = root["pre_tokenizer"]!["pretokenizers"]!.AsArray();
                steps.Add(steps[0]!.DeepClone());
            },
            "pre_tokenizer.pretokenizers[2].type: a step behind \"ByteLevel\" is not supported");

    [TestCase("pre_tokenizer", "decoder \"ByteLevel\" is not supported here")]
    [TestCase("post_processor", "post-processor \"Metaspace\" is not supported")]
    [TestCase("decoder", "decoder \"Metaspace\" is not supported")]
    [TestCase("normalizer", "normalizer \"Metaspace\" is not supported")]
    public void Step_of_another_kind_is_refused(string section, string problem) =>
        AssertRefused(root => root[section] = new JsonObject { ["type"] = "Metaspace" }, problem);

    [TestCase("type", "\"Unigram\"", "\"Unigram\" is not supported; expected \"BPE\"")]
    [TestCase("dropout", "0.1", "merges that are dropped at random are not supported")]
    [TestCase("continuing_subword_prefix", "\"##\"", "\"##\" is not supported; expected null")]
    [TestCase("end_of_word_suffix", "\"</w>\"", "\"</w>\" is not supported; expected null")]
    public void Model_of_another_kind_is_refused(string field, string value, string problem) =>
        AssertRefused(root => root["model"]![field] = JsonNode.Parse(value), $"model.{field}: {problem}");

    [TestCase("[]")]
    [TestCase("""[{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"<|end_of_text|>","type_id":0}}]""")]
    [TestCase("""[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"A","type_id":0}}]""")]
    public void Template_that_is_not_a_begin_token_and_the_text_is_refused(string single) =>
        AssertRefused(
            root => root["post_processor"]!["processors"]![1]!["single"] = JsonNode.Parse(single),
            "post_processor.processors[1].single: this template is not supported");

    [Test]
    public void Template_whose_token_is_not_defined_is_refused() =>
        AssertRefused(
            root => root["post_processor"]!["processors"]![1]!["special_tokens"] = new JsonObject(),
            "post_processor.processors[1].special_tokens: the field \"<|begin_of_text|>\" is missing");

    [TestCase("[524]", "there is no token 524: ids go from 0 to 523")]
    [TestCase("[-1]", "there is no token -1")]
    [TestCase("[]", "expected one id, found 0")]
    [TestCase("[512, 513]", "expected one id, found 2")]
    public void Template_whose_token_is_not_one_of_the_vocabulary_is_refused(string ids, string problem) =>
        AssertRefused(
            root => root["post_processor"]!["processors"]![1]!["special_tokens"]!["<|begin_of_text|>"]!["ids"] = JsonNode.Parse(ids),
            problem);

    [Test]
    public void Two_templates_are_refused() =>
        AssertRefused(
            root =>
            {
                JsonArray steps = root["post_processor"]!["processors"]!.AsArray();
                steps.Add(steps[1]!.DeepClone());
            },
            "post_processor.processors[2]: a second template");

    private static void AssertRefused(Action<JsonObject> change, string problem)
    {
        TokenizerException? error = Assert.Throws<TokenizerException>(() => TokenizerFixtures.Changed(change));
        Assert.That(error!.Message, Does.Contain(problem));
    }
}
