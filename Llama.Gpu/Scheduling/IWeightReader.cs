using Llama.Gpu.Checkpoints;

namespace Llama.Gpu.Scheduling;

/// <summary>Where the bytes of weights come from; asked by several threads at once.</summary>
internal interface IWeightReader
{
    /// <summary>Reads a part of a tensor.</summary>
    /// <param name="tensor">Its name.</param>
    /// <param name="offset">First byte, counted from the tensor's start.</param>
    /// <param name="destination">As long as the part.</param>
    /// <exception cref="CheckpointException">The file cannot be read any more.</exception>
    void Read(string tensor, long offset, Span<byte> destination);

    /// <summary>Has the system begin to read a part of a tensor from disk, if it can; nothing is waited for.</summary>
    /// <param name="tensor">Its name.</param>
    /// <param name="offset">First byte, counted from the tensor's start.</param>
    /// <param name="count">Number of bytes.</param>
    void WillRead(string tensor, long offset, long count)
    {
    }
}

/// <summary>Reads from a checkpoint.</summary>
internal sealed class CheckpointReader(Checkpoint checkpoint) : IWeightReader
{
    public void Read(string tensor, long offset, Span<byte> destination) =>
        checkpoint.CopyTo(checkpoint.Tensors[tensor], offset, destination);

    public void WillRead(string tensor, long offset, long count) => checkpoint.WillCopy(checkpoint.Tensors[tensor], offset, count);
}
