namespace Llama.Gpu.Tokenization;

/// <summary>
/// The tokenizer in Hugging Face's <c>tokenizer.json</c>, of the kind that Llama 3 and other byte-level models have: byte-pair
/// encoding with listed merges, a split pattern from those this library knows, added tokens.
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
    public static HuggingFaceTokenizer Parse(ReadOnlySpan<byte> data, string file) => JsonField.Read(data, file, Read);

    private static HuggingFaceTokenizer Read(JsonField root)
    {
        HuggingFacePipeline.CheckNormalizer(root);
        HuggingFacePipeline.CheckDecoder(root);
        PieceScanner[] scanners = HuggingFacePipeline.ReadPreTokenizer(root);
        HuggingFaceModel model = HuggingFaceModel.Read(root);
        ILookup<bool, AddedToken> addedTokens = model.AddedTokens.ToLookup(added => added.Normalized, added => added.Token);
        return new HuggingFaceTokenizer(new BytePairVocabulary
        {
            Tokens = model.Tokens,
            Merges = model.Merges,
            Scanners = scanners,
            AddedTokenPasses = [[.. addedTokens[false]], [.. addedTokens[true]]],
            BeginOfTextId = HuggingFacePipeline.ReadBeginToken(root, model.Tokens.Length)
                ?? model.FindAdded(Llama3SpecialTokens.BeginOfText) ?? model.FindAdded("<s>"),
            EndOfTextIds = model.AddedNames().Where(token => Llama3SpecialTokens.EndsText(token.Name)).Select(token => token.Id),
        });
    }
}
