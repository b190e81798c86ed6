using System.Buffers.Binary;

namespace Llama.Gpu.Cli.Output;

/// <summary>
/// A file of float32 rows, little-endian; it takes its name when it is complete, so that a part is never taken for the whole. A device, a
/// pipe or an empty file that is there already is written in place: a new file in its stead would take a device away.
/// </summary>
internal sealed class LogitsFile : IDisposable
{
    private readonly string _path;
    private readonly string? _temporary; // null in place
    private readonly FileStream _stream;
    private byte[] _bytes = [];
    private bool _complete;

    /// <param name="path">The file; one that is there is replaced.</param>
    /// <exception cref="IOException">A folder, or in no folder.</exception>
    public LogitsFile(string path)
    {
        // the file that a link leads to is replaced, not the link
        string full = Path.GetFullPath(path);
        _path = new FileInfo(full).LinkTarget is null ? full : File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;
        if (Directory.Exists(_path) || !Directory.Exists(Path.GetDirectoryName(_path)))
        {
            throw new IOException($"{path}: expected a file in a folder, found {(Directory.Exists(_path) ? "a folder" : "no such folder")}");
        }

        if (OpenInPlace(full) is { } stream)
        {
            _stream = stream;
        }
        else
        {
            // in the same folder, so that renaming moves no data
            _temporary = $"{_path}.{Environment.ProcessId}.tmp";
            _stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write);
        }
    }

    /// <summary>Writes a row.</summary>
    public void Write(ReadOnlySpan<float> row)
    {
        if (_bytes.Length != row.Length * sizeof(float))
        {
            _bytes = new byte[row.Length * sizeof(float)];
        }

        for (int i = 0; i < row.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(_bytes.AsSpan(i * sizeof(float)), row[i]);
        }

        _stream.Write(_bytes);
    }

    /// <summary>Gives the file its name.</summary>
    public void Complete()
    {
        _stream.Flush();
        _complete = true;
        if (_temporary is not null)
        {
            _stream.Dispose();
            File.Move(_temporary, _path, overwrite: true);
        }
    }

    public void Dispose()
    {
        if (!_complete && _temporary is null && _stream.CanSeek && _stream.Length > 0)
        {
            _stream.SetLength(0);
        }

        _stream.Dispose();
        if (_temporary is not null)
        {
            File.Delete(_temporary);
        }
    }

    private static FileStream? OpenInPlace(string path)
    {
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Write);
        }
        catch (FileNotFoundException)
        {
            // none there, or a link that leads to none
            return null;
        }

        if (!stream.CanSeek || stream.Length == 0)
        {
            return stream;
        }

        stream.Dispose();
        return null;
    }
}
