using Llama.Gpu.Checkpoints;

namespace Llama.Gpu.Tokenization;

/// <summary>Opens tokenizers, whichever format they have.</summary>
public static class Tokenizer
{
    private static readonly string[] FileNames = ["tokenizer.json", "tokenizer.model"];

    /// <summary>
    /// Opens the tokenizer in a file or a folder: of a folder, <c>tokenizer.json</c> (Hugging Face) or else <c>tokenizer.model</c>
    /// (SentencePiece's format of Llama 1 and 2, or tiktoken's of Llama 3). A file is JSON if it is named so or begins as an object does;
    /// the other two are told apart by their first bytes. <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c> beside it
    /// name the tokens that begin and end a text. The tokenizer inside a <c>.gguf</c> file is used where it is named, or is all there is.
    /// </summary>
    /// <exception cref="TokenizerException">No tokenizer there, or one that cannot be used.</exception>
    public static ITokenizer Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string file = Directory.Exists(path) ? FindIn(path) : path;
        if (file.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
        {
            return GgufTokenizer.Load(file);
        }

        byte[] data = TokenizerFile.Read(file);
        var roles = TokenRoles.Read(Path.GetDirectoryName(Path.GetFullPath(file))!);
        if (file.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || data.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{', ..])
        {
            return HuggingFaceTokenizer.Parse(data, file, roles);
        }

        return SentencePieceModel.IsOne(data)
            ? SentencePieceTokenizer.Create(SentencePieceModel.Parse(data, file), roles, file)
            : TiktokenTokenizer.Parse(data, file);
    }

    private static string FindIn(string folder) =>
        FileNames.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
        ?? GgufParts.FindFirst(folder).Order(StringComparer.Ordinal).FirstOrDefault()
        ?? throw new TokenizerException(folder, $"no tokenizer here; expected {string.Join(" or ", FileNames)}");
}
