namespace Llama.Gpu.Tokenization;

/// <summary>
/// Reads what a <c>tokenizer.json</c> does before and after the model: normalizer, pre-tokenizer, post-processor and decoder.
/// What is not supported is an error, since leaving it out would give other ids.
/// </summary>
internal static class HuggingFacePipeline
{
    /// <summary>Refuses a normalizer: byte-level tokenizers have none.</summary>
    public static void CheckNormalizer(JsonField root)
    {
        if (root.Optional("normalizer") is { } normalizer)
        {
            throw normalizer.Error($"normalizer \"{normalizer.Required("type").Text()}\" is not supported; expected null");
        }
    }

    /// <summary>Refuses a decoder that does not simply join the tokens' bytes.</summary>
    public static void CheckDecoder(JsonField root)
    {
        JsonField type = root.Required("decoder").Required("type");
        if (type.Text() != "ByteLevel")
        {
            throw type.Error($"decoder \"{type.Text()}\" is not supported; expected \"ByteLevel\"");
        }
    }

    /// <summary>How a text is cut: splits, and then the byte level, which must come last.</summary>
    public static PieceScanner[] ReadPreTokenizer(JsonField root)
    {
        JsonField whole = root.Required("pre_tokenizer");
        var scanners = new List<PieceScanner>();
        bool byteLevel = false;
        foreach (JsonField step in Flatten(whole, "pretokenizers"))
        {
            JsonField type = step.Required("type");
            if (byteLevel)
            {
                throw type.Error("a step behind \"ByteLevel\" is not supported");
            }

            switch (type.Text())
            {
                case "Split":
                    scanners.Add(ReadSplit(step));
                    break;
                case "Digits":
                    scanners.Add(new DigitScanner(step.Required("individual_digits").Flag()));
                    break;
                case "ByteLevel":
                    byteLevel = true;
                    if (ReadByteLevel(step) is { } scanner)
                    {
                        scanners.Add(scanner);
                    }

                    break;
                default:
                    throw type.Error($"pre-tokenizer \"{type.Text()}\" is not supported; expected \"Split\", \"Digits\" or \"ByteLevel\"");
            }
        }

        return byteLevel ? [.. scanners] : throw whole.Error("there is no \"ByteLevel\" step; only byte-level vocabularies are supported");
    }

    /// <summary>The token that the post-processor puts before a text, or null where it puts none.</summary>
    public static int? ReadBeginToken(JsonField root, int tokenCount)
    {
        int? begin = null;
        if (root.Optional("post_processor") is not { } whole)
        {
            return begin;
        }

        foreach (JsonField step in Flatten(whole, "processors"))
        {
            JsonField type = step.Required("type");
            switch (type.Text())
            {
                case "ByteLevel": // moves offsets only
                    break;
                case "TemplateProcessing" when begin is null:
                    begin = ReadTemplate(step, tokenCount);
                    break;
                case "TemplateProcessing":
                    throw step.Error("a second template that adds a token is not supported");
                default:
                    throw type.Error($"post-processor \"{type.Text()}\" is not supported; expected \"TemplateProcessing\" or \"ByteLevel\"");
            }
        }

        return begin;
    }

    /// <summary>A step as it is, or the steps of a sequence, and of sequences in it.</summary>
    private static IEnumerable<JsonField> Flatten(JsonField step, string listName) =>
        step.Required("type").Text() == "Sequence"
            ? step.Required(listName).Items().SelectMany(inner => Flatten(inner, listName))
            : [step];

    private static PieceScanner ReadSplit(JsonField step)
    {
        JsonField pattern = step.Required("pattern");
        JsonField regex = pattern.Optional("Regex") ?? throw pattern.Error("only a \"Regex\" is supported");
        JsonField behavior = step.Required("behavior");
        if (behavior.Text() != "Isolated")
        {
            throw behavior.Error($"\"{behavior.Text()}\" is not supported; expected \"Isolated\"");
        }

        // where every character is in a match, inverting the matches changes nothing; but nobody writes it
        if (step.Optional("invert") is { } invert && invert.Flag())
        {
            throw invert.Error("true is not supported; expected false");
        }

        return PieceScanner.ForPattern(regex.Text()) ?? throw regex.Error($"this pattern is not supported: {regex.Text()}");
    }

    private static Gpt2Scanner? ReadByteLevel(JsonField step)
    {
        JsonField prefix = step.Required("add_prefix_space");
        if (prefix.Flag())
        {
            throw prefix.Error("true is not supported; expected false");
        }

        return step.Optional("use_regex")?.Flag() ?? true ? new Gpt2Scanner() : null;
    }

    // "single" is how one text is wrapped: [begin token,] the text
    private static int? ReadTemplate(JsonField step, int tokenCount)
    {
        JsonField single = step.Required("single");
        JsonField[] parts = [.. single.Items()];
        if (parts.Length is 0 or > 2 || parts[^1].Optional("Sequence") is null
            || (parts.Length == 2 && parts[0].Optional("SpecialToken") is null))
        {
            throw single.Error("this template is not supported; expected one special token at most, and then the text");
        }

        if (parts.Length == 1)
        {
            return null;
        }

        string name = parts[0].Required("SpecialToken").Required("id").Text();
        JsonField ids = step.Required("special_tokens").Required(name).Required("ids");
        if (ids.Count != 1)
        {
            throw ids.Error($"expected one id, found {ids.Count}");
        }

        JsonField id = ids.Items().First();
        return id.Integer() is int number && number >= 0 && number < tokenCount
            ? number
            : throw id.Error($"there is no token {id.Integer()}: ids go from 0 to {tokenCount - 1}");
    }
}
