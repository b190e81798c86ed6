namespace Llama.Gpu.Checkpoints;

/// <summary>A checkpoint that cannot be used: the message names the file, the tensor or field, what was expected and what was found.</summary>
public sealed class CheckpointException : LlamaException
{
    /// <param name="file">Path of the file at fault.</param>
    /// <param name="problem">What was expected and what was found, without the file's name.</param>
    /// <param name="subject">Name of the tensor or the field at fault, when there is one.</param>
    /// <param name="inner">The error underneath, when there is one.</param>
    public CheckpointException(string file, string problem, string? subject = null, Exception? inner = null)
        : base(subject is null ? $"{file}: {problem}" : $"{file}: {subject}: {problem}", inner)
    {
        File = file;
        Subject = subject;
    }

    /// <summary>Path of the file at fault.</summary>
    public string File { get; }

    /// <summary>Name of the tensor or the field at fault, when there is one.</summary>
    public string? Subject { get; }
}
