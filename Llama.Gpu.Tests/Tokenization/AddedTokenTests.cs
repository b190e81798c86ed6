using System.Text.Json.Nodes;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Added tokens, begin and end tokens of a tokenizer.json. The small vocabulary's own ids end at 523.</summary>
public sealed class AddedTokenTests
{
    private const int First = 524;

    [Test]
    public void Token_that_is_not_special_always_splits()
    {
        HuggingFaceTokenizer tokenizer = With(TokenizerFixtures.AddedToken(First, "@@"));

        Assert.That(Split(tokenizer, "a@@b"), Is.EqualTo("a[524]b"));
        Assert.That(tokenizer.Decode(tokenizer.Encode("a@@b")), Is.EqualTo("a@@b"), "and is text when decoded");
        Assert.That(tokenizer.IsSpecial(First), Is.False);
    }

    [Test]
    public void Special_token_splits_only_on_request()
    {
        HuggingFaceTokenizer tokenizer = With(TokenizerFixtures.AddedToken(First, "@@", special: true));

        Assert.That(Split(tokenizer, "a@@b"), Is.EqualTo("a@@b"));
        Assert.That(Split(tokenizer, "a@@b", parseSpecial: true), Is.EqualTo("a[524]b"));
        Assert.That(tokenizer.Decode([First]), Is.Empty);
        Assert.That(tokenizer.Decode([First], skipSpecial: false), Is.EqualTo("@@"));
    }

    [Test]
    public void Longest_of_the_leftmost_tokens_is_taken()
    {
        HuggingFaceTokenizer tokenizer = With(
            TokenizerFixtures.AddedToken(First, "@@"), TokenizerFixtures.AddedToken(First + 1, "@@#"), TokenizerFixtures.AddedToken(First + 2, "@#@#@"));

        Assert.That(Split(tokenizer, "x@@#@#@y@@@#@#@"), Is.EqualTo("x[525]@#@y[524][526]"));
    }

    [Test]
    public void Special_token_that_is_not_read_still_covers_its_text()
    {
        HuggingFaceTokenizer tokenizer = With(
            TokenizerFixtures.AddedToken(First, "<@@>", special: true), TokenizerFixtures.AddedToken(First + 1, "@@"));

        Assert.That(Split(tokenizer, "@@<@@>@@"), Is.EqualTo("[525]<@@>[525]"));
    }

    [Test]
    public void Tokens_of_raw_text_are_found_before_those_of_normalized_text()
    {
        HuggingFaceTokenizer tokenizer = With(
            TokenizerFixtures.AddedToken(First, "x@@", normalized: true), TokenizerFixtures.AddedToken(First + 1, "@@"));

        Assert.That(Split(tokenizer, "x@@"), Is.EqualTo("x[525]"));
    }

    [Test]
    public void Token_in_the_vocabulary_may_be_added_too()
    {
        HuggingFaceTokenizer tokenizer = With(TokenizerFixtures.AddedToken(0, "!"));

        Assert.That(tokenizer.VocabularySize, Is.EqualTo(524));
        Assert.That(Split(tokenizer, "a!!b"), Is.EqualTo("a[0][0]b"));
    }

    [TestCase("a @@ b", true, false, "a[524] b")]
    [TestCase("a @@ b", false, true, "a [524]b")]
    [TestCase("a \u00A0\n@@\t\u3000\r\nb", true, true, "a[524]b")]
    [TestCase(" @@ @@ ", true, true, "[524][524]")]
    public void Strip_swallows_white_space(string text, bool left, bool right, string split) =>
        Assert.That(Split(With(TokenizerFixtures.AddedToken(First, "@@", lstrip: left, rstrip: right)), text), Is.EqualTo(split));

    [TestCase("an @@ b", "an [524] b")]
    [TestCase("@@", "[524]")]
    [TestCase("-@@-", "-[524]-")]
    [TestCase("an@@ b", "an@@ b")]
    [TestCase("an @@b", "an @@b")]
    [TestCase("@@7", "@@7")]
    [TestCase("_@@", "_@@")]
    [TestCase("\U00010400@@", "\U00010400@@")]
    [TestCase("@@\u0301", "@@\u0301")]
    [TestCase("\U0001F600@@", "\U0001F600[524]")]
    public void Single_word_does_not_touch_a_word(string text, string split) =>
        Assert.That(Split(With(TokenizerFixtures.AddedToken(First, "@@", singleWord: true)), text), Is.EqualTo(split));

    [Test]
    public void Begin_token_is_the_templates()
    {
        HuggingFaceTokenizer tokenizer = TokenizerFixtures.Changed(root =>
            root["post_processor"]!["processors"]![1]!["special_tokens"]!["<|begin_of_text|>"]!["ids"] = new JsonArray(520));

        Assert.That(tokenizer.BeginOfTextId, Is.EqualTo(520));
        Assert.That(string.Join(' ', tokenizer.Encode("!")), Is.EqualTo("520 0"));
    }

    [Test]
    public void Template_may_stand_alone()
    {
        HuggingFaceTokenizer tokenizer = TokenizerFixtures.Changed(root => root["post_processor"] = root["post_processor"]!["processors"]![1]!.DeepClone());

        Assert.That(tokenizer.BeginOfTextId, Is.EqualTo(512));
    }

    [TestCase("<|begin_of_text|>", 512)]
    [TestCase("<s>", 512)]
    [TestCase("<begin>", null)]
    public void Begin_token_is_found_by_name_without_a_template(string name, int? id)
    {
        HuggingFaceTokenizer tokenizer = TokenizerFixtures.Changed(root =>
        {
            root["post_processor"] = null;
            root["added_tokens"]![0]!["content"] = name;
        });

        Assert.That(tokenizer.BeginOfTextId, Is.EqualTo(id));
        Assert.That(tokenizer.Encode("!"), Has.Length.EqualTo(id is null ? 1 : 2));
    }

    [Test]
    public void End_tokens_are_found_by_name()
    {
        HuggingFaceTokenizer tokenizer = With(TokenizerFixtures.AddedToken(First, "</s>", special: true), TokenizerFixtures.AddedToken(First + 1, "<|endoftext|>"));

        Assert.That(string.Join(' ', tokenizer.EndOfTextIds), Is.EqualTo("513 520 521 524 525"));
    }

    [Test]
    public void Digits_step_splits_every_digit()
    {
        HuggingFaceTokenizer tokenizer = TokenizerFixtures.Changed(root =>
        {
            root["pre_tokenizer"]!["pretokenizers"]![0] = new JsonObject { ["type"] = "Digits", ["individual_digits"] = true };
            root["pre_tokenizer"]!["pretokenizers"]![1]!["use_regex"] = true;
            JsonObject vocabulary = root["model"]!["vocab"]!.AsObject();
            vocabulary["42"] = First;
        });

        Assert.That(Split(tokenizer, "42 42"), Is.EqualTo("42 42"), "never the token 42");
    }

    [Test]
    public void Pattern_may_have_single_digits()
    {
        const string SingleDigits =
            @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

        Assert.That(Split(WithToken42(null), "42"), Is.EqualTo("[524]"));
        Assert.That(Split(WithToken42(SingleDigits), "42"), Is.EqualTo("42"));

        static HuggingFaceTokenizer WithToken42(string? pattern) => TokenizerFixtures.Changed(root =>
        {
            root["model"]!["vocab"]!["42"] = First;
            if (pattern is not null)
            {
                root["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = pattern;
            }
        });
    }

    private static HuggingFaceTokenizer With(params JsonObject[] tokens) => TokenizerFixtures.Changed(root =>
    {
        foreach (JsonObject token in tokens)
        {
            root["added_tokens"]!.AsArray().Add(token);
        }
    });

    /// <summary>The text as it was split, the tokens asked about as [id].</summary>
    private static string Split(HuggingFaceTokenizer tokenizer, string text, bool parseSpecial = false)
    {
        var parts = new System.Text.StringBuilder();
        var run = new List<int>();
        foreach (int id in tokenizer.Encode(text, addBeginOfText: false, parseSpecial))
        {
            if (id is 0 or >= First)
            {
                parts.Append(tokenizer.Decode([.. run])).Append('[').Append(id).Append(']');
                run.Clear();
            }
            else
            {
                run.Add(id);
            }
        }

        return parts.Append(tokenizer.Decode([.. run])).ToString();
    }
}
