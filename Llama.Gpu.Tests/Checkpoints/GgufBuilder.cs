using System.Text;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>Writes the header of a GGUF file without tensors, after ggml's docs/gguf.md: for metadata alone.</summary>
internal sealed class GgufBuilder
{
    private const uint UInt32 = 4;
    private const uint Int32 = 5;
    private const uint Float32 = 6;
    private const uint Text = 8;
    private const uint Array = 9;

    private readonly MemoryStream _entries = new();
    private readonly BinaryWriter _writer;
    private long _count;

    public GgufBuilder() => _writer = new BinaryWriter(_entries);

    public GgufBuilder Add(string key, string value) => Entry(key, Text, () => Write(value));

    public GgufBuilder Add(string key, uint value) => Entry(key, UInt32, () => _writer.Write(value));

    public GgufBuilder Add(string key, IReadOnlyCollection<string> values) => Items(key, Text, values, Write);

    public GgufBuilder Add(string key, IReadOnlyCollection<int> values) => Items(key, Int32, values, _writer.Write);

    public GgufBuilder Add(string key, IReadOnlyCollection<float> values) => Items(key, Float32, values, _writer.Write);

    public byte[] ToArray()
    {
        var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        writer.Write("GGUF"u8);
        writer.Write(3);
        writer.Write(0L);
        writer.Write(_count);
        writer.Write(_entries.ToArray());
        return file.ToArray();
    }

    private GgufBuilder Items<T>(string key, uint type, IReadOnlyCollection<T> values, Action<T> write) => Entry(key, Array, () =>
    {
        _writer.Write(type);
        _writer.Write((long)values.Count);
        foreach (T value in values)
        {
            write(value);
        }
    });

    private GgufBuilder Entry(string key, uint type, Action value)
    {
        Write(key);
        _writer.Write(type);
        value();
        _count++;
        return this;
    }

    private void Write(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        _writer.Write((long)bytes.Length);
        _writer.Write(bytes);
    }
}
