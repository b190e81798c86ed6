using System.Text;
using System.Text.Json.Nodes;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Files named tokenizer.json that cannot be used: each is a typed error that says where and what.</summary>
public sealed class MalformedTokenizerJsonTests
{
    private static readonly string Good = File.ReadAllText(Path.Combine(TokenizerFixtures.SmallFolder, "tokenizer.json"));

    [Test]
    public void Empty_file_is_refused() => AssertRefused("", "expected a JSON object, found nothing");

    [Test]
    public void File_cut_short_is_refused() => AssertRefused(Good[..(Good.Length / 2)], "not valid JSON");

    [Test]
    public void File_with_more_behind_its_end_is_refused() => AssertRefused(Good + "{}", "not valid JSON");

    [Test]
    public void File_that_is_an_array_is_refused() => AssertRefused("[]", "expected a JSON object, found []");

    [Test]
    public void File_too_deep_is_refused() => AssertRefused("{\"model\":" + new string('[', 100_000), "not valid JSON: The maximum configured depth of 64");

    [Test]
    public void Invalid_UTF8_is_refused()
    {
        byte[] content = Encoding.UTF8.GetBytes(Good);
        content[Good.IndexOf("<|eot_id|>", StringComparison.Ordinal)] = 0xFF;
        AssertRefused(content, "expected JSON in UTF-8, found bytes that are not UTF-8");
    }

    [Test]
    public void Half_a_surrogate_pair_in_a_string_is_refused() =>
        AssertRefused(Good.Replace("<|eot_id|>", "\\ud800", StringComparison.Ordinal), "added_tokens[9].content: expected text, found half of a surrogate pair");

    [Test]
    public void Half_a_surrogate_pair_in_a_key_is_refused() =>
        AssertRefused(Good.Replace("\"A\": 32", "\"\\udc00\": 32", StringComparison.Ordinal), "model.vocab: expected text, found half of a surrogate pair");

    [Test]
    public void Token_twice_in_the_vocabulary_is_refused() =>
        AssertRefused(Good.Replace("\"B\": 33", "\"A\": 33", StringComparison.Ordinal), "model.vocab.A: expected each key once, found it twice");

    [Test]
    public void Section_twice_in_the_file_is_refused() =>
        AssertRefused(Good.Replace("\"truncation\"", "\"model\"", StringComparison.Ordinal), "model: expected each key once, found it twice");

    [TestCase("model", "the field \"model\" is missing")]
    [TestCase("pre_tokenizer", "the field \"pre_tokenizer\" is missing")]
    [TestCase("decoder", "the field \"decoder\" is missing")]
    public void Missing_section_is_refused(string name, string problem) => AssertRefused(root => root.Remove(name), problem);

    [TestCase("vocab", "model: the field \"vocab\" is missing")]
    [TestCase("merges", "model: the field \"merges\" is missing")]
    public void Missing_part_of_the_model_is_refused(string name, string problem) =>
        AssertRefused(root => root["model"]!.AsObject().Remove(name), problem);

    [TestCase("id")]
    [TestCase("content")]
    [TestCase("special")]
    public void Missing_field_of_an_added_token_is_refused(string name) =>
        AssertRefused(root => root["added_tokens"]![3]!.AsObject().Remove(name), $"added_tokens[3]: the field \"{name}\" is missing");

    [Test]
    public void Model_of_wrong_type_is_refused() => AssertRefused(root => root["model"] = 5, "model: expected an object, found 5");

    [Test]
    public void Vocabulary_of_wrong_type_is_refused() =>
        AssertRefused(root => root["model"]!["vocab"] = new JsonArray(), "model.vocab: expected an object, found an array");

    [Test]
    public void Merges_of_wrong_type_are_refused() =>
        AssertRefused(root => root["model"]!["merges"] = "a b", "model.merges: expected an array, found \"a b\"");

    [Test]
    public void Added_tokens_of_wrong_type_are_refused() =>
        AssertRefused(root => root["added_tokens"] = new JsonObject(), "added_tokens: expected an array, found an object");

    [Test]
    public void Flag_of_wrong_type_is_refused() =>
        AssertRefused(root => root["model"]!["ignore_merges"] = "yes", "model.ignore_merges: expected true or false, found \"yes\"");

    [TestCase("\"300\"")]
    [TestCase("300.5")]
    [TestCase("4294967296")]
    [TestCase("1e999")]
    [TestCase("null")]
    public void Id_that_is_no_integer_is_refused(string id) =>
        AssertRefused(root => SetVocabularyId(root, 300, JsonNode.Parse(id)), $"expected a 32-bit integer, found {id}");

    [TestCase(-1)]
    [TestCase(524)]
    [TestCase(int.MaxValue)]
    public void Id_out_of_range_is_refused(int id) =>
        AssertRefused(root => SetVocabularyId(root, 300, id), $"id {id} is out of range: with 524 tokens ids count up from 0 to 523 at most");

    [Test]
    public void Id_given_twice_is_refused() => AssertRefused(root => SetVocabularyId(root, 300, 0), "id 0 is that of \"!\" already");

    [Test]
    public void Gap_between_ids_is_refused() =>
        AssertRefused(root => root["added_tokens"]!.AsArray().RemoveAt(4), "added_tokens[10].id: id 523 is out of range: with 523 tokens");

    [Test]
    public void Gap_that_tokens_in_both_lists_leave_is_refused()
    {
        void Change(JsonObject root)
        {
            root["added_tokens"]!.AsArray().RemoveAt(4);
            root["added_tokens"]!.AsArray().Add(TokenizerFixtures.AddedToken(0, "!"));
        }

        AssertRefused(Change, "there is a token 517 but none 516: ids must count up from 0");
    }

    [Test]
    public void Added_token_with_the_id_of_another_is_refused() =>
        AssertRefused(root => root["added_tokens"]![3]!["id"] = 0, "added_tokens[3].id: id 0 is that of \"!\" already");

    [Test]
    public void Added_token_in_the_vocabulary_by_another_id_is_refused() =>
        AssertRefused(root => root["added_tokens"]![3]!["content"] = "!", "added_tokens[3].id: token \"!\" has id 0 already, found 515");

    [Test]
    public void Added_token_given_twice_is_refused() =>
        AssertRefused(
            root => root["added_tokens"]!.AsArray().Add(root["added_tokens"]![3]!.DeepClone()),
            "added_tokens[12].id: token \"<|reserved_special_token_1|>\" is added twice");

    [Test]
    public void Empty_added_token_is_refused() =>
        AssertRefused(root => root["added_tokens"]![3]!["content"] = "", "added_tokens[3].id: a token of 0 characters; expected 1 to 4096");

    [Test]
    public void Token_longer_than_any_is_refused() =>
        AssertRefused(
            root => root["added_tokens"]![3]!["content"] = new string('x', 5000),
            "added_tokens[3].id: a token of 5000 characters; expected 1 to 4096");

    [Test]
    public void Byte_without_a_token_is_refused() =>
        AssertRefused(
            root =>
            {
                JsonObject vocabulary = root["model"]!["vocab"]!.AsObject();
                vocabulary.Remove("A");
                vocabulary["AAA"] = 32;
            },
            "model.vocab: no token for the byte 0x41");

    [TestCase("nothere x", "\"nothere\" is not in the vocabulary")]
    [TestCase("! !", "\"!!\" is not in the vocabulary")]
    [TestCase("x", "expected two tokens")]
    [TestCase("x y z", "expected two tokens")]
    [TestCase(" x", "expected two tokens")]
    [TestCase("", "expected two tokens")]
    public void Merge_that_names_no_two_tokens_is_refused(string merge, string problem) =>
        AssertRefused(root => root["model"]!["merges"]![2] = merge, "model.merges[2]: " + problem);

    [Test]
    public void Merge_of_three_is_refused() =>
        AssertRefused(root => root["model"]!["merges"]![2] = new JsonArray("x", "y", "z"), "model.merges[2]: expected two tokens");

    [Test]
    public void Merge_of_wrong_type_is_refused() =>
        AssertRefused(root => root["model"]!["merges"]![2] = 7, "model.merges[2]: expected a string, found 7");

    [Test]
    public void Merge_with_a_part_of_wrong_type_is_refused() =>
        AssertRefused(root => root["model"]!["merges"]![2] = new JsonArray("x", 7), "model.merges[2][1]: expected a string, found 7");

    [Test]
    public void Merge_given_twice_is_refused() =>
        AssertRefused(root => root["model"]!["merges"]![2] = root["model"]!["merges"]![1]!.DeepClone(), "model.merges[2]: ");

    private static void SetVocabularyId(JsonObject root, int id, JsonNode? value)
    {
        JsonObject vocabulary = root["model"]!["vocab"]!.AsObject();
        vocabulary[vocabulary.Single(token => (int)token.Value! == id).Key] = value;
    }

    private static void AssertRefused(Action<JsonObject> change, string problem) => AssertRefused(TokenizerFixtures.ChangedJson(change), problem);

    private static void AssertRefused(string content, string problem) => AssertRefused(Encoding.UTF8.GetBytes(content), problem);

    private static void AssertRefused(byte[] content, string problem)
    {
        TokenizerException? error = Assert.Throws<TokenizerException>(() => HuggingFaceTokenizer.Parse(content, "bad.json"));
        Assert.That(error!.Message, Does.StartWith("bad.json: ").And.Contain(problem));
        Assert.That(error.File, Is.EqualTo("bad.json"));
    }
}
