namespace Llama.Gpu.Checkpoints;

/// <summary>
/// A safetensors file, memory-mapped read-only: its pages are read when they are touched and belong to the system's page cache,
/// so that a file larger than memory can be used. Safe for use by several threads, disposal excepted.
/// </summary>
/// <remarks>
/// No process may cut the file short while it is open: <see cref="Read"/> refuses a file that has become shorter, but a cut
/// while a span is being read ends this process. Replacing it by renaming a new file over it is always safe.
/// </remarks>
public sealed class SafeTensorsFile : IDisposable
{
    private readonly MappedFile _file;

    private SafeTensorsFile(MappedFile file, SafeTensorsHeader header)
    {
        _file = file;
        Header = header;
    }

    /// <summary>The file's path, as given.</summary>
    public string Path => _file.Path;

    /// <summary>What the file holds.</summary>
    public SafeTensorsHeader Header { get; }

    /// <summary>Each tensor with the bytes it has in the file.</summary>
    internal IEnumerable<StoredTensor> Tensors =>
        Header.Tensors.Select(tensor => new StoredTensor(tensor, new DenseContent(_file, tensor.Offset, tensor.ByteLength)));

    /// <summary>Opens a file: reads and checks its header, and maps it.</summary>
    /// <exception cref="CheckpointException">No such file, one that cannot be read, or one that is no valid safetensors file.</exception>
    public static SafeTensorsFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            var prefix = file.Read(0, (int)Math.Min(file.Length, SafeTensorsHeader.PrefixLength));
            int headerLength = SafeTensorsHeader.ReadLength(prefix, file.Length, path);
            var start = file.Read(0, SafeTensorsHeader.PrefixLength + headerLength);
            return new SafeTensorsFile(file, SafeTensorsHeader.Parse(start, file.Length, path));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the file, straight from the mapping; valid until the file is disposed.</summary>
    /// <param name="offset">First byte, counted from the file's start.</param>
    /// <param name="count">Number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the file.</exception>
    /// <exception cref="CheckpointException">The file has become shorter since it was opened.</exception>
    public ReadOnlySpan<byte> Read(long offset, int count) => _file.Read(offset, count);

    /// <summary>Reads bytes of the file without touching the mapping: a file that is cut short meanwhile is an error.</summary>
    /// <param name="offset">First byte, counted from the file's start.</param>
    /// <param name="destination">As long as the part.</param>
    /// <exception cref="CheckpointException">The file has become shorter since it was opened, or cannot be read.</exception>
    public void CopyTo(long offset, Span<byte> destination) => _file.CopyTo(offset, destination);

    /// <summary>Unmaps and closes the file; spans that were read from it must not be used any more.</summary>
    public void Dispose() => _file.Dispose();
}
