namespace Llama.Gpu.Cli.Output;

/// <summary>
/// A file that takes its name when it is complete, so that a part is never taken for the whole. A device, a pipe or an empty file that is
/// there already is written in place: a new file in its stead would take a device away.
/// </summary>
internal sealed class WholeFile : IDisposable
{
    private readonly string _path;
    private readonly string? _temporary; // null in place
    private bool _complete;

    /// <param name="path">The file; one that is there is replaced.</param>
    /// <exception cref="IOException">A folder, or in no folder.</exception>
    public WholeFile(string path)
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
            Stream = stream;
        }
        else
        {
            // in the same folder, so that renaming moves no data
            _temporary = $"{_path}.{Environment.ProcessId}.tmp";
            Stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write);
        }
    }

    /// <summary>What is written.</summary>
    public FileStream Stream { get; }

    /// <summary>Gives the file its name.</summary>
    public void Complete()
    {
        Stream.Flush();
        _complete = true;
        if (_temporary is not null)
        {
            Stream.Dispose();
            File.Move(_temporary, _path, overwrite: true);
        }
    }

    public void Dispose()
    {
        if (!_complete && _temporary is null && Stream.CanSeek && Stream.Length > 0)
        {
            Stream.SetLength(0);
        }

        Stream.Dispose();
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
