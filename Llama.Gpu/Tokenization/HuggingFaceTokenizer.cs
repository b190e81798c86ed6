namespace Llama.Gpu.Tokenization;

/// <summary>
/// The tokenizer in Hugging Face's <c>tokenizer.json</c>, of two kinds: the byte-level one of Llama 3 (byte-pair encoding with listed
/// merges, a split pattern from those this library knows, added tokens), and that of Llama 1 and 2 (characters, spaces marked with
/// U+2581 by the normalizer or by the pre-tokenizer, bytes for characters without a token).
/// </summary>
/// <remarks>
/// <see cref="ITokenizer.BeginOfTextId"/> is what the post-processor puts before a text, or else the added token named
/// <c>&lt;|begin_of_text|&gt;</c> or <c>&lt;s&gt;</c>; <see cref="ITokenizer.EndOfTextIds"/> are the added tokens of known names.
/// </remarks>
public sealed class HuggingFaceTokenizer : BytePairTokenizer
{
    private HuggingFaceTokenizer(BytePairVocabulary vocabulary)
        : base(vocabulary)
    {
    }

    /// <summary>Reads the tokenizer from a file.</summary>
    /// <exception cref="TokenizerException">The file cannot be read or used.</exception>
    public static HuggingFaceTokenizer Load(string path) => Parse(TokenizerFile.Read(path), path);

    /// <summary>Reads the tokenizer from a file's bytes.</summary>
    /// <param name="data">All of the file.</param>
    /// <param name="file">Its name, for errors.</param>
    /// <exception cref="TokenizerException">The file cannot be used.</exception>
    public static HuggingFaceTokenizer Parse(ReadOnlySpan<byte> data, string file) => Parse(data, file, TokenRoles.None);

    /// <summary>Reads the tokenizer from a file's bytes, with what the files beside it say.</summary>
    internal static HuggingFaceTokenizer Parse(ReadOnlySpan<byte> data, string file, TokenRoles roles) =>
        JsonField.Read(data, file, root => Read(root, roles));

    private static HuggingFaceTokenizer Read(JsonField root, TokenRoles roles)
    {
        Metaspace? spaces = null;
        PieceScanner[] scanners;
        if (HuggingFaceMetaspace.IsUsedBy(root))
        {
            (spaces, scanners) = HuggingFaceMetaspace.Read(root);
        }
        else
        {
            HuggingFacePipeline.CheckNormalizer(root);
            HuggingFacePipeline.CheckDecoder(root);
            scanners = HuggingFacePipeline.ReadPreTokenizer(root);
        }

        HuggingFaceModel model = HuggingFaceModel.Read(root, ofCharacters: spaces is not null);
        AddedToken[] marks = [.. model.AddedTokens.Select(added => added.Token)];
        ILookup<bool, AddedToken> addedTokens = model.AddedTokens.ToLookup(added => added.Normalized, added => added.Token);
        return new HuggingFaceTokenizer(new BytePairVocabulary
        {
            Tokens = model.Tokens,
            Merges = model.Merges,
            Scanners = scanners,
            AddedTokenPasses = [[.. addedTokens[false]], [.. addedTokens[true].Select(token => Normalized(token, spaces))]],
            Spaces = spaces,
            BeginOfTextId = roles.Begin(model.Tokens, marks) ?? HuggingFacePipeline.ReadBeginToken(root, model.Tokens.Length)
                ?? model.FindAdded(Llama3SpecialTokens.BeginOfText) ?? model.FindAdded("<s>"),
            EndOfTextIds = roles.Ends(
                model.Tokens, marks, model.AddedNames().Where(token => Llama3SpecialTokens.EndsText(token.Name)).Select(token => token.Id)),
        });
    }

    // looked for in text whose spaces are marked, and so marked itself
    private static AddedToken Normalized(AddedToken token, Metaspace? spaces) =>
        spaces is null ? token : token with { Content = spaces.Escape(token.Content.Span, first: true) };
}
