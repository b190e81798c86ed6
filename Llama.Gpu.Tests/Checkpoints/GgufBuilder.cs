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

    private readonly List<Action<BinaryWriter>> _entries = [];

    public GgufBuilder Add(string key, string value) => Entry(key, Text, writer => Write(writer, value));

    public GgufBuilder Add(string key, uint value) => Entry(key, UInt32, writer => writer.Write(value));

    public GgufBuilder Add(string key, IReadOnlyCollection<string> values) => Items(key, Text, values, Write);

    public GgufBuilder Add(string key, IReadOnlyCollection<int> values) => Items(key, Int32, values, (writer, value) => writer.Write(value));

    public GgufBuilder Add(string key, IReadOnlyCollection<float> values) => Items(key, Float32, values, (writer, value) => writer.Write(value));

    public byte[] ToArray()
    {
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        writer.Write("GGUF"u8);
        writer.Write(3);
        writer.Write(0L);
        writer.Write((long)_entries.Count);
        _entries.ForEach(entry => entry(writer));
        return file.ToArray();
    }

    private static void Write(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((long)bytes.Length);
        writer.Write(bytes);
    }

    private GgufBuilder Items<T>(string key, uint type, IReadOnlyCollection<T> values, Action<BinaryWriter, T> write) => Entry(key, Array, writer =>
    {
        writer.Write(type);
        writer.Write((long)values.Count);
        foreach (T value in values)
        {
            write(writer, value);
        }
    });

    private GgufBuilder Entry(string key, uint type, Action<BinaryWriter> value)
    {
        _entries.Add(writer =>
        {
            Write(writer, key);
            writer.Write(type);
            value(writer);
        });
        return this;
    }
}
