using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>A text and the ids that tools/tokenizer-reference found for it.</summary>
internal sealed record TokenizerCase(string Text, int[] Ids, bool Special);

/// <summary>The small vocabulary in its two formats, the recorded cases, and texts at random.</summary>
internal static class TokenizerFixtures
{
    private static readonly JsonSerializerOptions CaseOptions = new() { PropertyNameCaseInsensitive = true };

    private static readonly string[] TextParts =
    [
        "'s", "'S", "'\u017F", "'ll", "'", " ", "  ", "\n", "\r\n", "\t", "\u0085", "\u00A0", "\u3000", "\u200B", "\u180E", "\u001F", "\0", "a", "Zed",
        "the ", "answer", "e\u0301", "\u00E9", "\u4E2D", "\U00020000", "\U00010400", "\U0001D7D8", "\U0001F600", "\U0001F468\u200D\U0001F469", "7", "42",
        "1234", "\u0661", "\u00BD", "!", "?!", "...", "(", "_", "\u200D", "<|", "<|eot_id|>", "|>",
    ];

    /// <summary>Where the small vocabulary lies, as tokenizer.json and as tokenizer.model.</summary>
    public static string SmallFolder { get; } = Path.Combine(RepositoryFolder.Fixtures("Tokenization"), "small");

    public static TiktokenTokenizer SmallTiktoken { get; } = TiktokenTokenizer.Load(Path.Combine(SmallFolder, "tokenizer.model"));

    public static HuggingFaceTokenizer SmallHuggingFace { get; } = HuggingFaceTokenizer.Load(Path.Combine(SmallFolder, "tokenizer.json"));

    /// <summary>Strings of parts that split patterns care about, without lone surrogates.</summary>
    public static Arbitrary<string> Texts { get; } =
        Gen.Elements(TextParts).ArrayOf().Select(parts => string.Concat(parts)).ToArbitrary();

    /// <summary>Any strings at all, lone surrogates too.</summary>
    public static Arbitrary<string> Strings { get; } =
        Gen.Choose(0, 0xFFFF).Select(unit => (char)unit).ArrayOf().Select(units => new string(units)).ToArbitrary();

    /// <summary>The cases in a file under Fixtures.</summary>
    public static TokenizerCase[] ReadCases(string file) =>
        [.. File.ReadLines(Path.Combine(RepositoryFolder.Fixtures("Tokenization"), file))
            .Select(line => JsonSerializer.Deserialize<TokenizerCase>(line, CaseOptions)!)];

    /// <summary>The small tokenizer.json with a change.</summary>
    public static byte[] ChangedJson(Action<JsonObject> change)
    {
        JsonObject root = JsonNode.Parse(File.ReadAllBytes(Path.Combine(SmallFolder, "tokenizer.json")))!.AsObject();
        change(root);
        return Encoding.UTF8.GetBytes(root.ToJsonString());
    }

    /// <summary>The tokenizer of the small tokenizer.json with a change.</summary>
    public static HuggingFaceTokenizer Changed(Action<JsonObject> change) => HuggingFaceTokenizer.Parse(ChangedJson(change), "changed.json");

    /// <summary>An entry for <c>added_tokens</c>.</summary>
    public static JsonObject AddedToken(
        int id, string content, bool special = false, bool singleWord = false, bool lstrip = false, bool rstrip = false, bool normalized = false) => new()
        {
            ["id"] = id,
            ["content"] = content,
            ["special"] = special,
            ["single_word"] = singleWord,
            ["lstrip"] = lstrip,
            ["rstrip"] = rstrip,
            ["normalized"] = normalized,
        };

    /// <summary>A property over many texts: a failure shows the smallest one found.</summary>
    public static void Holds(Arbitrary<string> texts, Func<string, bool> property) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(texts, property));
}
