namespace Llama.Gpu.Tokenization;

/// <summary>
/// Reads what a <c>tokenizer.json</c> of Llama 1's and 2's kind does to spaces, in either spelling: a normalizer that puts U+2581
/// before the text and in place of spaces, or a <c>Metaspace</c> pre-tokenizer. The decoder must undo just that.
/// </summary>
internal static class HuggingFaceMetaspace
{
    private const string Mark = "\u2581";

    /// <summary>Whether a file marks spaces at all.</summary>
    public static bool IsUsedBy(JsonField root) =>
        root.Optional("pre_tokenizer") is { } preTokenizer
            ? preTokenizer.Optional("type")?.Text() == "Metaspace"
            : root.Optional("normalizer") is not null;

    /// <summary>How spaces are marked, and where text is cut.</summary>
    public static (Metaspace Spaces, PieceScanner[] Scanners) Read(JsonField root)
    {
        CheckDecoder(root.Required("decoder"));
        if (root.Optional("pre_tokenizer") is not { } preTokenizer)
        {
            return (ReadNormalizer(root.Required("normalizer")), []);
        }

        if (root.Optional("normalizer") is { } normalizer && Steps(normalizer, "normalizers").Any())
        {
            throw normalizer.Error("a normalizer beside a \"Metaspace\" pre-tokenizer is not supported; expected null");
        }

        CheckMark(preTokenizer.Required("replacement"));
        bool split = preTokenizer.Optional("split")?.Flag() ?? true;
        return (new Metaspace(ReadPrefix(preTokenizer), UnlessThere: true), split ? [new MetaspaceScanner(everySpace: true)] : []);
    }

    // "add_prefix_space" is what files had before "prepend_scheme"
    private static SpacePrefix ReadPrefix(JsonField step)
    {
        if (step.Optional("prepend_scheme") is not { } scheme)
        {
            return step.Optional("add_prefix_space")?.Flag() ?? true ? SpacePrefix.Always : SpacePrefix.Never;
        }

        return scheme.Text() switch
        {
            "always" => SpacePrefix.Always,
            "first" => SpacePrefix.First,
            "never" => SpacePrefix.Never,
            var other => throw scheme.Error($"\"{other}\" is not supported; expected \"always\", \"first\" or \"never\""),
        };
    }

    private static Metaspace ReadNormalizer(JsonField whole)
    {
        var prefix = SpacePrefix.Never;
        bool replaced = false;
        foreach (JsonField step in Steps(whole, "normalizers"))
        {
            JsonField type = step.Required("type");
            switch (type.Text())
            {
                case "Prepend" when !replaced:
                    CheckMark(step.Required("prepend"));
                    prefix = SpacePrefix.Always;
                    break;
                case "Replace" when !replaced:
                    CheckText(step.Required("pattern").Required("String"), " ");
                    CheckMark(step.Required("content"));
                    replaced = true;
                    break;
                default:
                    throw type.Error($"normalizer \"{type.Text()}\" is not supported here; expected \"Prepend\" and then \"Replace\"");
            }
        }

        return replaced ? new Metaspace(prefix) : throw whole.Error("expected a \"Replace\" of spaces, found none");
    }

    private static void CheckDecoder(JsonField whole)
    {
        foreach (JsonField step in Steps(whole, "decoders"))
        {
            JsonField type = step.Required("type");
            switch (type.Text())
            {
                case "Replace":
                    CheckMark(step.Required("pattern").Required("String"));
                    CheckText(step.Required("content"), " ");
                    break;
                case "Strip":
                    CheckText(step.Required("content"), " ");
                    break;
                case "Metaspace":
                    CheckMark(step.Required("replacement"));
                    break;
                case "ByteFallback" or "Fuse":
                    break;
                default:
                    throw type.Error(
                        $"decoder \"{type.Text()}\" is not supported here; expected \"Replace\", \"ByteFallback\", \"Fuse\", \"Strip\" or \"Metaspace\"");
            }
        }
    }

    private static IEnumerable<JsonField> Steps(JsonField step, string listName) =>
        step.Required("type").Text() == "Sequence" ? step.Required(listName).Items().SelectMany(inner => Steps(inner, listName)) : [step];

    private static void CheckMark(JsonField field) => CheckText(field, Mark);

    private static void CheckText(JsonField field, string expected)
    {
        if (field.Text() != expected)
        {
            throw field.Error($"\"{field.Text()}\" is not supported; expected \"{expected}\"");
        }
    }
}
