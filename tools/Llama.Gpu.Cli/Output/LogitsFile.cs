using System.Buffers.Binary;

namespace Llama.Gpu.Cli.Output;

/// <summary>A file of float32 rows, little-endian, whole or not at all (<see cref="WholeFile"/>).</summary>
/// <param name="path">The file; one that is there is replaced.</param>
internal sealed class LogitsFile(string path) : IDisposable
{
    private readonly WholeFile _file = new(path);
    private byte[] _bytes = [];

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

        _file.Stream.Write(_bytes);
    }

    /// <summary>Gives the file its name.</summary>
    public void Complete() => _file.Complete();

    public void Dispose() => _file.Dispose();
}
