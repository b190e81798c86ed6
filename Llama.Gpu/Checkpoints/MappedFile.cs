using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// A file, memory-mapped read-only: its pages are read when they are touched and belong to the system's page cache, so that a
/// file larger than memory can be used. Safe for use by several threads, disposal excepted.
/// </summary>
/// <remarks>
/// A mapped file that another process cuts short while a span over its lost part is being read ends this process: that is a SIGBUS
/// on Linux and macOS, which no managed code can catch. <see cref="Read"/> asks for the file's length each time and refuses a file
/// that has become shorter, so that only a cut between that question and the use of the span is left. Windows refuses to cut a mapped file.
/// Replacing a checkpoint by renaming a new file over it, as <see cref="SafeTensorsWriter"/> does, is always safe.
/// </remarks>
internal sealed unsafe partial class MappedFile : IByteSource, IDisposable
{
    private const int WillNeed = 3;

    private readonly SafeFileHandle _handle;
    private readonly MemoryMappedFile? _mapping; // none over an empty file
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _start;
    private bool _disposed;

    private MappedFile(string path, SafeFileHandle handle)
    {
        Path = path;
        Length = RandomAccess.GetLength(handle);
        _handle = handle;
        if (Length == 0)
        {
            return;
        }

        _mapping = MemoryMappedFile.CreateFromFile(
            handle, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        try
        {
            _view = _mapping.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        }
        catch
        {
            _mapping.Dispose();
            throw;
        }

        byte* view = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref view);
        _start = view + _view.PointerOffset;
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public long Length { get; }

    /// <summary>Opens and maps a file.</summary>
    /// <exception cref="CheckpointException">No such file, or one that cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        var handle = CheckpointFiles.OpenRead(path);
        try
        {
            return CheckpointFiles.Guard(path, () => new MappedFile(path, handle));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the file, straight from the mapping; valid until the file is disposed.</summary>
    /// <param name="offset">First byte, counted from the file's start.</param>
    /// <param name="count">Number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the file.</exception>
    /// <exception cref="CheckpointException">The file has become shorter since it was opened.</exception>
    public ReadOnlySpan<byte> Read(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Length - offset);

        long now = RandomAccess.GetLength(_handle);
        if (now < Length)
        {
            throw new CheckpointException(Path, $"expected {Length} bytes as when it was opened, found {now}");
        }

        return new ReadOnlySpan<byte>(_start + offset, count);
    }

    /// <inheritdoc/>
    public void CopyTo(long offset, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        try
        {
            for (int done = 0; done < destination.Length;)
            {
                int read = RandomAccess.Read(_handle, destination[done..], offset + done);
                if (read == 0)
                {
                    throw new CheckpointException(
                        Path, $"expected {Length} bytes as when it was opened, found the file's end after {offset + done}");
                }

                done += read;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(Path, $"cannot be read: {error.Message}", inner: error);
        }
    }

    /// <inheritdoc/>
    public void WillCopy(long offset, long count)
    {
        if (OperatingSystem.IsLinux() && !_disposed)
        {
            // only a hint: where it is refused, the file is read when it is copied
            _ = PosixFileAdvise(_handle, offset, count, WillNeed);
        }
    }

    /// <summary>Unmaps and closes the file; spans that were read from it must not be used any more.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _start = null;
        _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _mapping?.Dispose();
        _handle.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int PosixFileAdvise(SafeFileHandle file, long offset, long count, int advice);
}
