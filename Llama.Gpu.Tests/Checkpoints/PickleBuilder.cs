using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>Pickles written instruction by instruction, and archives of PyTorch's around them, so that each can be spoiled in one place.</summary>
internal sealed class PickleBuilder
{
    private readonly List<byte> _bytes = [];

    public PickleBuilder()
    {
        Raw(0x80, 2);
    }

    /// <summary>The pickle of a dictionary of bf16 tensors, each with a storage named after its place.</summary>
    public static PickleBuilder Dictionary(IEnumerable<RawTensor> tensors)
    {
        var builder = new PickleBuilder().Raw('}', '(');
        int index = 0;
        foreach (var tensor in tensors)
        {
            long[] strides = new long[tensor.Shape.Length];
            long stride = 1;
            for (int i = strides.Length - 1; i >= 0; i--)
            {
                strides[i] = stride;
                stride *= tensor.Shape[i];
            }

            builder.Text(tensor.Name).Tensor($"{index++}", stride, 0, tensor.Shape, strides);
        }

        return builder.Raw('u', '.');
    }

    /// <summary>An archive of a pickle and its storages as torch.save lays it out.</summary>
    public static byte[] Archive(
        byte[] pickle, IEnumerable<byte[]> storages, CompressionLevel compression = CompressionLevel.NoCompression, string byteOrder = "little")
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            var files = new List<(string Name, byte[] Data)> { ("data.pkl", pickle), ("byteorder", Encoding.ASCII.GetBytes(byteOrder)) };
            files.AddRange(storages.Select((data, i) => ($"data/{i}", data)));
            foreach (var (name, data) in files)
            {
                using Stream entry = archive.CreateEntry("archive/" + name, compression).Open();
                entry.Write(data);
            }
        }

        return stream.ToArray();
    }

    /// <summary>An archive of a dictionary of bf16 tensors.</summary>
    public static byte[] Archive(IReadOnlyCollection<RawTensor> tensors) =>
        Archive(Dictionary(tensors).ToArray(), tensors.Select(tensor => tensor.Data));

    public PickleBuilder Raw(params int[] bytes)
    {
        foreach (int value in bytes)
        {
            _bytes.Add((byte)value);
        }

        return this;
    }

    public PickleBuilder Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Raw('X', bytes.Length, bytes.Length >> 8, 0, 0);
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleBuilder Number(long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        Raw(0x8A, 8);
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleBuilder Global(string module, string name)
    {
        _bytes.AddRange(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));
        return this;
    }

    public PickleBuilder Tensor(string key, long count, long offset, long[] shape, long[] strides, string storage = "BFloat16Storage")
    {
        Global("torch._utils", "_rebuild_tensor_v2").Raw('(', '(').Text("storage").Global("torch", storage).Text(key).Text("cpu");
        Number(count).Raw('t', 'Q').Number(offset).Numbers(shape).Numbers(strides);
        return Raw(0x89).Global("collections", "OrderedDict").Raw(')', 'R', 't', 'R');
    }

    public byte[] ToArray() => [.. _bytes];

    private PickleBuilder Numbers(long[] values)
    {
        Raw('(');
        foreach (long value in values)
        {
            Number(value);
        }

        return Raw('t');
    }
}
