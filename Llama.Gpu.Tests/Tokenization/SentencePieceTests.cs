using System.Text;
using System.Text.Json.Nodes;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Ids against Google's SentencePiece, recorded by tools/tokenizer-reference/make_sentencepiece_cases.py.</summary>
public sealed class SentencePieceTests
{
    private static readonly string Folder = Path.Combine(RepositoryFolder.Fixtures("Tokenization"), "small-spm");

    private static readonly SentencePieceTokenizer Small = SentencePieceTokenizer.Load(Path.Combine(Folder, "tokenizer.model"));

    [Test]
    public void Llama_2s_vocabulary_gives_the_recorded_ids() =>
        AssertCases(SentencePieceTokenizer.Load(RealData.PathOf("llama2/tokenizer.model")), "llama2-cases.jsonl");

    [Test]
    public void Small_model_gives_the_recorded_ids() => AssertCases(Small, "small-spm-cases.jsonl");

    [Test]
    public void Same_model_as_tokenizer_json_gives_the_same_ids()
    {
        HuggingFaceTokenizer tokenizer = Changed(_ => { });
        AssertCases(tokenizer, [.. TokenizerFixtures.ReadCases("small-spm-cases.jsonl").Where(HasNoUserDefined)]);
        Assert.That(tokenizer.BeginOfTextId, Is.EqualTo(1));
        Assert.That(tokenizer.EndOfTextIds, Is.EqualTo(new[] { 2 }));
    }

    [TestCase("""{"type":"Metaspace","replacement":"\u2581","prepend_scheme":"first","split":false}""")]
    [TestCase("""{"type":"Metaspace","replacement":"\u2581","prepend_scheme":"always","split":false}""")]
    [TestCase("""{"type":"Metaspace","replacement":"\u2581","add_prefix_space":true,"split":false}""")]
    public void Metaspace_in_each_spelling_gives_the_same_ids(string preTokenizer)
    {
        HuggingFaceTokenizer tokenizer = Changed(root => UseMetaspace(root, preTokenizer));
        foreach (TokenizerCase one in TokenizerFixtures.ReadCases("small-spm-cases.jsonl"))
        {
            // these add no space before one that is there
            if (!one.Text.StartsWith(' ') && HasNoUserDefined(one))
            {
                Assert.That(tokenizer.Encode(one.Text, addBeginOfText: false), Is.EqualTo(one.Ids), one.Text);
            }
        }

        Assert.That(tokenizer.Encode(" the", addBeginOfText: false), Is.EqualTo(tokenizer.Encode("the", addBeginOfText: false)));
    }

    [TestCase("first", new[] { false, true })]
    [TestCase("always", new[] { true, true })]
    [TestCase("never", new[] { false, false })]
    public void Prepend_scheme_says_where_a_space_goes(string scheme, bool[] expected)
    {
        HuggingFaceTokenizer tokenizer = Changed(
            root => UseMetaspace(root, $$"""{"type":"Metaspace","replacement":"\u2581","prepend_scheme":"{{scheme}}","split":true}"""));
        bool behindMark = Begins(tokenizer.Encode("</s>x", addBeginOfText: false, parseSpecial: true)[1]);
        bool first = Begins(tokenizer.Encode("x", addBeginOfText: false)[0]);
        Assert.That(new[] { behindMark, first }, Is.EqualTo(expected));

        bool Begins(int id) => tokenizer.TokenBytes(id).Span[0] == ' ';
    }

    [Test]
    public void Text_comes_back_whatever_it_is()
    {
        TokenizerFixtures.Holds(TokenizerFixtures.Texts, text => Small.Decode(Small.Encode(text)) == text);
        TokenizerFixtures.Holds(
            TokenizerFixtures.Strings,
            text => Small.Decode(Small.Encode(text)) == Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace('\u2581', ' '));
    }

    [Test]
    public void Text_with_special_tokens_comes_back()
    {
        const string Text = " a</s>b<s> c";
        int[] ids = Small.Encode(Text, addBeginOfText: false, parseSpecial: true);
        Assert.That(ids.Count(id => id is 1 or 2), Is.EqualTo(2));
        Assert.That(Small.Decode(ids, skipSpecial: false), Is.EqualTo(Text));
        Assert.That(Small.Encode(Text, addBeginOfText: false), Has.No.Member(1).And.No.Member(2));
    }

    [Test]
    public void Pieces_of_an_incremental_decoder_are_the_text()
    {
        int[] ids = Small.Encode("the answer, \U0001F600 \u4E2D");
        foreach (bool continues in new[] { false, true })
        {
            var decoder = new IncrementalDecoder(Small, continues: continues);
            string text = string.Concat(ids[1..].Select(decoder.Append)) + decoder.Flush();
            Assert.That(text, Is.EqualTo((continues ? " " : "") + "the answer, \U0001F600 \u4E2D"));
        }
    }

    [Test]
    public void Unknown_characters_in_a_row_are_one_token_where_there_are_no_bytes()
    {
        ITokenizer tokenizer = Tokenizer.Open(Path.Combine(RepositoryFolder.Fixtures("Checkpoints"), "meta-1"));
        Assert.That(tokenizer.VocabularySize, Is.EqualTo(48));
        int[] ids = tokenizer.Encode("a\u4E2D\u4E2Db", addBeginOfText: false);
        Assert.That(ids.Count(id => id == 0), Is.EqualTo(1));
    }

    [Test]
    public void Roles_come_from_the_files_beside_the_model()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(Folder, "tokenizer.model"), folder["tokenizer.model"]);
        File.WriteAllText(folder["tokenizer_config.json"], """
            {"bos_token":"<unk>","eos_token":{"content":"[PAD]"},
             "added_tokens_decoder":{"0":{"content":"<unk>","special":true},"420":{"content":"[PAD]","special":true},"421":{"content":"more"}}}
            """);
        ITokenizer tokenizer = Tokenizer.Open(folder.Path);
        Assert.That(tokenizer.VocabularySize, Is.EqualTo(422));
        Assert.That(tokenizer.BeginOfTextId, Is.EqualTo(0));
        Assert.That(tokenizer.EndOfTextIds, Is.EqualTo(new[] { 2, 420 }));
        Assert.That(tokenizer.Encode("more", addBeginOfText: false), Is.EqualTo(new[] { 421 }));
        Assert.That(tokenizer.Encode("[PAD]", addBeginOfText: false), Has.No.Member(420));
    }

    [Test]
    public void Special_tokens_map_names_the_roles_too()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(Folder, "tokenizer.json"), folder["tokenizer.json"]);
        File.WriteAllText(folder["special_tokens_map.json"], """{"bos_token":{"content":"</s>"},"eos_token":"<unk>"}""");
        ITokenizer tokenizer = Tokenizer.Open(folder.Path);
        Assert.That(tokenizer.BeginOfTextId, Is.EqualTo(2));
        Assert.That(tokenizer.EndOfTextIds, Is.EqualTo(new[] { 0, 2 }));
    }

    [Test]
    public void Added_token_that_leaves_a_gap_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(Folder, "tokenizer.model"), folder["tokenizer.model"]);
        File.WriteAllText(folder["tokenizer_config.json"], """{"added_tokens_decoder":{"430":{"content":"[PAD]","special":true}}}""");
        Assert.That(
            () => Tokenizer.Open(folder.Path), Throws.TypeOf<TokenizerException>().With.Message.Contains("adds token 430, expected 420"));
    }

    [TestCase(" word", TestName = "A_megabyte_of_words_takes_less_than_two_seconds")]
    [TestCase("word", TestName = "A_megabyte_without_a_space_takes_less_than_two_seconds")]
    [TestCase(" ", TestName = "A_megabyte_of_spaces_takes_less_than_two_seconds")]
    public void Time_is_bounded(string part)
    {
        SentencePieceTokenizer tokenizer = SentencePieceTokenizer.Load(RealData.PathOf("llama2/tokenizer.model"));
        string text = string.Concat(Enumerable.Repeat(part, (1 << 20) / part.Length));
        EncodingTime.AssertLinear(tokenizer, text);
    }

    private static void AssertCases(ITokenizer tokenizer, string file)
    {
        TokenizerCase[] cases = TokenizerFixtures.ReadCases(file);
        Assert.That(cases, Has.Length.GreaterThanOrEqualTo(1000));
        AssertCases(tokenizer, cases);
    }

    private static void AssertCases(ITokenizer tokenizer, TokenizerCase[] cases)
    {
        Assert.That(cases, Has.Length.GreaterThan(800));
        using (Assert.EnterMultipleScope())
        {
            foreach (TokenizerCase one in cases)
            {
                Assert.That(tokenizer.Encode(one.Text, addBeginOfText: false), Is.EqualTo(one.Ids), () => JsonValue.Create(one.Text)!.ToJsonString());
                Assert.That(tokenizer.Decode(one.Ids), Is.EqualTo(one.Text));
            }
        }
    }

    private static HuggingFaceTokenizer Changed(Action<JsonObject> change)
    {
        JsonObject root = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Folder, "tokenizer.json")))!.AsObject();
        change(root);
        return HuggingFaceTokenizer.Parse(Encoding.UTF8.GetBytes(root.ToJsonString()), "changed.json");
    }

    // Hugging Face's way with added tokens cannot say what SentencePiece does at its user-defined symbols
    private static bool HasNoUserDefined(TokenizerCase one) => !one.Text.Contains("\n\n") && !one.Text.Contains("[INST]");

    private static void UseMetaspace(JsonObject root, string preTokenizer)
    {
        root["normalizer"] = null;
        root["pre_tokenizer"] = JsonNode.Parse(preTokenizer);
        root["decoder"] = JsonNode.Parse("""{"type":"Metaspace","replacement":"\u2581"}""");
    }
}
