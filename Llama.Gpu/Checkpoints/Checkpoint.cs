using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// An opened checkpoint: the model's configuration and its tensors, memory-mapped. Opening checks everything that can be
/// checked without reading weights, so that a checkpoint that opens has every tensor the configuration asks for, in the right shape.
/// </summary>
public abstract class Checkpoint : IDisposable
{
    /// <summary>The folder it was opened from.</summary>
    public abstract string Directory { get; }

    /// <summary>The model's configuration.</summary>
    public abstract LlamaConfig Config { get; }

    /// <summary>Every tensor by its Hugging Face name (<c>model.embed_tokens.weight</c>, ...), whatever the format on disk.</summary>
    public abstract IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>
    /// A part of a tensor's bytes, straight from the memory-mapped file. Valid until the checkpoint is disposed.
    /// </summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="byteOffset">First byte, counted from the tensor's own start.</param>
    /// <param name="byteCount">Number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the tensor.</exception>
    public abstract ReadOnlySpan<byte> Read(TensorInfo tensor, long byteOffset, int byteCount);

    /// <summary>
    /// Copies a part of a tensor's bytes. They are read rather than mapped, so that a file which another process
    /// cuts short is an error and not the end of this process. For use by several threads.
    /// </summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="byteOffset">First byte, counted from the tensor's own start.</param>
    /// <param name="destination">As long as the part.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the tensor.</exception>
    /// <exception cref="CheckpointException">The file has become shorter since it was opened, or cannot be read.</exception>
    public virtual void CopyTo(TensorInfo tensor, long byteOffset, Span<byte> destination) =>
        Read(tensor, byteOffset, destination.Length).CopyTo(destination);

    /// <summary>
    /// Says that a part of a tensor will soon be copied, so that the system may begin to read it from disk. Nothing is waited for, and
    /// nothing goes wrong if it cannot. For use by several threads.
    /// </summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="byteOffset">First byte, counted from the tensor's own start.</param>
    /// <param name="byteCount">Number of bytes.</param>
    public virtual void WillCopy(TensorInfo tensor, long byteOffset, long byteCount)
    {
    }

    /// <summary>Opens the checkpoint in a folder, whichever format it has: Hugging Face's, PyTorch's, Meta's or GGUF; or a GGUF file by its name.</summary>
    /// <exception cref="CheckpointException">No checkpoint there, or one that cannot be used.</exception>
    public static Checkpoint Open(string directory) => CheckpointOpener.Open(directory);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Unmaps the files.</summary>
    protected abstract void Dispose(bool disposing);
}
