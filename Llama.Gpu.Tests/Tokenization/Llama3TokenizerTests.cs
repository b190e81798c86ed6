using System.Text;
using System.Text.Json.Nodes;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Facts about Llama 3's own vocabulary, where LLAMA_GPU_DATA has it.</summary>
public sealed class Llama3TokenizerTests
{
    private TiktokenTokenizer _tokenizer = null!;

    [OneTimeSetUp]
    public void Load() => _tokenizer = TiktokenTokenizer.Load(RealData.PathOf("llama3/tokenizer.model"));

    [TestCase(
        "the answer to the ultimate question of life, the universe, and everything is ",
        new[] { 128000, 1820, 4320, 311, 279, 17139, 3488, 315, 2324, 11, 279, 15861, 11, 323, 4395, 374, 220 })]
    [TestCase("datawhalechina is a group for ", new[] { 128000, 695, 1336, 1604, 81236, 374, 264, 1912, 369, 220 })]
    [TestCase("Hello World!", new[] { 128000, 9906, 4435, 0 })]
    [TestCase("", new[] { 128000 })]
    public void Text_has_the_known_ids(string text, int[] ids)
    {
        Assert.That(_tokenizer.Encode(text), Is.EqualTo(ids));
        Assert.That(_tokenizer.Decode(ids), Is.EqualTo(text));
    }

    [TestCase(128000, "<|begin_of_text|>")]
    [TestCase(128001, "<|end_of_text|>")]
    [TestCase(128002, "<|reserved_special_token_0|>")]
    [TestCase(128004, "<|finetune_right_pad_id|>")]
    [TestCase(128006, "<|start_header_id|>")]
    [TestCase(128007, "<|end_header_id|>")]
    [TestCase(128008, "<|eom_id|>")]
    [TestCase(128009, "<|eot_id|>")]
    [TestCase(128010, "<|python_tag|>")]
    [TestCase(128011, "<|reserved_special_token_3|>")]
    [TestCase(128255, "<|reserved_special_token_247|>")]
    public void Special_token_has_its_id(int id, string name)
    {
        Assert.That(_tokenizer.Encode(name, addBeginOfText: false, parseSpecial: true), Is.EqualTo(new[] { id }));
        Assert.That(Encoding.UTF8.GetString(_tokenizer.TokenBytes(id).Span), Is.EqualTo(name));
        Assert.That(_tokenizer.IsSpecial(id));
        Assert.That(_tokenizer.Encode(name, addBeginOfText: false), Has.None.GreaterThanOrEqualTo(128000), "plain text unless asked for");
    }

    [Test]
    public void Vocabulary_has_its_size_and_roles()
    {
        Assert.That(_tokenizer.VocabularySize, Is.EqualTo(128256));
        Assert.That(_tokenizer.BeginOfTextId, Is.EqualTo(128000));
        Assert.That(string.Join(' ', _tokenizer.EndOfTextIds), Is.EqualTo("128001 128008 128009"));
        Assert.That(_tokenizer.IsSpecial(127999), Is.False);
    }

    [TestCase(" word", TestName = "Llama_3_encodes_a_megabyte_of_words_in_less_than_two_seconds")]
    [TestCase("word", TestName = "Llama_3_encodes_a_megabyte_without_a_space_in_less_than_two_seconds")]
    [TestCase(" ", TestName = "Llama_3_encodes_a_megabyte_of_spaces_in_less_than_two_seconds")]
    [TestCase("\U0001F468\u200D\U0001F469", TestName = "Llama_3_encodes_a_megabyte_of_emoji_in_less_than_two_seconds")]
    public void Time_is_bounded(string part) =>
        EncodingTime.AssertLinear(_tokenizer, string.Concat(Enumerable.Repeat(part, (1 << 20) / Encoding.UTF8.GetByteCount(part))));

    [Test]
    public void Names_of_all_256_special_tokens_are_read_as_such()
    {
        var names = new HashSet<string>();
        for (int id = 128000; id < 128256; id++)
        {
            string name = _tokenizer.Decode([id], skipSpecial: false);
            Assert.That(name, Does.StartWith("<|").And.EndsWith("|>"));
            Assert.That(names.Add(name), Is.True, name);
            Assert.That(_tokenizer.Encode(name, addBeginOfText: false, parseSpecial: true), Is.EqualTo(new[] { id }));
        }

        Assert.That(names.Count(name => name.StartsWith("<|reserved_special_token_", StringComparison.Ordinal)), Is.EqualTo(248));
    }

    [Test]
    public void Tokenizer_json_converted_from_it_gives_the_recorded_ids()
    {
        HuggingFaceTokenizer converted = HuggingFaceTokenizer.Parse(ToJson(_tokenizer), "converted.json");

        Assert.That(converted.VocabularySize, Is.EqualTo(128256));
        foreach (TokenizerCase one in TokenizerFixtures.ReadCases("llama3-cases.jsonl"))
        {
            Assert.That(converted.Encode(one.Text, addBeginOfText: false, one.Special), Is.EqualTo(one.Ids), one.Text);
        }
    }

    // As transformers converts a tiktoken file: a merge for each way a token is two tokens, in order of what they become.
    private static byte[] ToJson(TiktokenTokenizer tokenizer)
    {
        var letters = ByteLetters();
        int ordinary = tokenizer.BeginOfTextId!.Value;
        var spellings = Enumerable.Range(0, ordinary).Select(id => Spell(tokenizer.TokenBytes(id).Span)).ToArray();
        var ids = spellings.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        var merges = new JsonArray();
        foreach (string spelling in spellings)
        {
            var ways = Enumerable.Range(1, spelling.Length - 1)
                .Select(at => (Left: spelling[..at], Right: spelling[at..]))
                .Where(way => ids.ContainsKey(way.Left) && ids.ContainsKey(way.Right))
                .OrderBy(way => (ids[way.Left], ids[way.Right]));
            foreach ((string left, string right) in ways)
            {
                merges.Add($"{left} {right}");
            }
        }

        byte[] json = TokenizerFixtures.ChangedJson(root =>
        {
            root["model"]!["vocab"] = new JsonObject(spellings.Index().Select(pair => KeyValuePair.Create(pair.Item, (JsonNode?)pair.Index)));
            root["model"]!["merges"] = merges;
            root["post_processor"] = null;
            root["added_tokens"] = new JsonArray([.. Enumerable.Range(ordinary, tokenizer.VocabularySize - ordinary)
                .Select(id => TokenizerFixtures.AddedToken(id, Encoding.UTF8.GetString(tokenizer.TokenBytes(id).Span), special: true))]);
        });
        return json;

        string Spell(ReadOnlySpan<byte> bytes)
        {
            var spelling = new StringBuilder();
            foreach (byte value in bytes)
            {
                spelling.Append(letters[value]);
            }

            return spelling.ToString();
        }
    }

    private static char[] ByteLetters()
    {
        char next = '\u0100';
        return [.. Enumerable.Range(0, 256).Select(value => value is > 32 and < 127 or > 160 and < 173 or > 173 ? (char)value : next++)];
    }
}
