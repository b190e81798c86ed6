namespace Llama.Gpu.Tokenization;

/// <summary>Opens tokenizers, whichever format they have.</summary>
public static class Tokenizer
{
    private static readonly string[] FileNames = ["tokenizer.json", "tokenizer.model"];

    /// <summary>
    /// Opens the tokenizer in a file or a folder: of a folder, <c>tokenizer.json</c> (Hugging Face) or else
    /// <c>tokenizer.model</c> (tiktoken's format). A file is JSON if it is named so or begins as an object does, else tiktoken's.
    /// </summary>
    /// <exception cref="TokenizerException">No tokenizer there, or one that cannot be used.</exception>
    public static ITokenizer Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string file = Directory.Exists(path) ? FindIn(path) : path;
        byte[] data = TokenizerFile.Read(file);
        return file.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || data.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{', ..]
            ? HuggingFaceTokenizer.Parse(data, file)
            : TiktokenTokenizer.Parse(data, file);
    }

    private static string FindIn(string folder) =>
        FileNames.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
        ?? throw new TokenizerException(folder, $"no tokenizer here; expected {string.Join(" or ", FileNames)}");
}
