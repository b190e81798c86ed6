namespace Llama.Gpu.Tokenization;

/// <summary>A tokenizer file that cannot be used: the message names the file, the place in it, what was expected and what was found.</summary>
public sealed class TokenizerException : LlamaException
{
    /// <param name="file">Path of the file at fault.</param>
    /// <param name="problem">What was expected and what was found, without the file's name.</param>
    /// <param name="subject">The line, field or token at fault, when there is one.</param>
    /// <param name="inner">The error underneath, when there is one.</param>
    public TokenizerException(string file, string problem, string? subject = null, Exception? inner = null)
        : base(subject is null ? $"{file}: {problem}" : $"{file}: {subject}: {problem}", inner)
    {
        File = file;
        Subject = subject;
    }

    /// <summary>Path of the file at fault.</summary>
    public string File { get; }

    /// <summary>The line, field or token at fault, when there is one.</summary>
    public string? Subject { get; }
}
