using System.Buffers.Binary;

namespace Llama.Gpu.Cli.Output;

/// <summary>
/// A file of float32 rows, little-endian; it takes its name when it is complete, so that a part is never taken for the whole.
/// </summary>
internal sealed class LogitsFile : IDisposable
{
    private readonly string _path;
    private readonly string _temporary;
    private readonly FileStream _stream;
    private byte[] _bytes = [];

    /// <param name="path">The file; one that is there is replaced.</param>
    public LogitsFile(string path)
    {
        _path = path;

        // in the same folder, so that renaming moves no data
        _temporary = $"{path}.{Environment.ProcessId}.tmp";
        _stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write);
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
        _stream.Dispose();
        File.Move(_temporary, _path, overwrite: true);
    }

    public void Dispose()
    {
        _stream.Dispose();
        File.Delete(_temporary);
    }
}
