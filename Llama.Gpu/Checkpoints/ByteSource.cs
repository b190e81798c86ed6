namespace Llama.Gpu.Checkpoints;

/// <summary>A file's bytes at any place: a mapped file, or an array in tests, so that parsers need no file.</summary>
internal interface IByteSource
{
    /// <summary>The file's path, for messages.</summary>
    string Path { get; }

    /// <summary>Number of bytes.</summary>
    long Length { get; }

    /// <summary>Bytes that lie within the file, without a copy.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the file.</exception>
    /// <exception cref="CheckpointException">The file has become shorter since it was opened.</exception>
    ReadOnlySpan<byte> Read(long offset, int count);

    /// <summary>Reads bytes that lie within the file without touching a mapping: a file that is cut short meanwhile is an error.</summary>
    /// <param name="offset">First byte, counted from the file's start.</param>
    /// <param name="destination">As long as the part.</param>
    /// <exception cref="CheckpointException">The file has become shorter since it was opened, or cannot be read.</exception>
    void CopyTo(long offset, Span<byte> destination);

    /// <summary>Has the system begin to read bytes from disk, if it can.</summary>
    /// <param name="offset">First byte, counted from the file's start.</param>
    /// <param name="count">Number of bytes.</param>
    void WillCopy(long offset, long count);
}

/// <summary>Bytes that are in memory already.</summary>
internal sealed class MemorySource(string path, ReadOnlyMemory<byte> bytes) : IByteSource
{
    /// <inheritdoc/>
    public string Path => path;

    /// <inheritdoc/>
    public long Length => bytes.Length;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Read(long offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, bytes.Length);
        return bytes.Span.Slice((int)offset, count);
    }

    /// <inheritdoc/>
    public void CopyTo(long offset, Span<byte> destination) => Read(offset, destination.Length).CopyTo(destination);

    /// <inheritdoc/>
    public void WillCopy(long offset, long count)
    {
    }
}
