using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>A tensor as a safetensors header states it, true or not.</summary>
internal sealed record RawTensor(string Name, string Type, long[] Shape, byte[] Data)
{
    /// <summary>A safetensors file of tensors laid end to end, made without the library's own writer.</summary>
    /// <param name="tensors">In the order of their data.</param>
    /// <param name="edit">Changes the header before it is written.</param>
    public static byte[] File(IEnumerable<RawTensor> tensors, Action<JsonObject>? edit = null)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        var data = new MemoryStream();
        foreach (var tensor in tensors)
        {
            long begin = data.Length;
            data.Write(tensor.Data);
            header[tensor.Name] = Entry(tensor.Type, tensor.Shape, begin, data.Length);
        }

        edit?.Invoke(header);
        return File(header.ToJsonString(), data.ToArray());
    }

    /// <summary>A safetensors file of a header's text and data.</summary>
    public static byte[] File(string header, byte[] data) => File(Encoding.UTF8.GetBytes(header), data);

    /// <summary>A safetensors file of a header's bytes and data.</summary>
    public static byte[] File(byte[] header, byte[] data)
    {
        byte[] prefix = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, header.Length);
        return [.. prefix, .. header, .. data];
    }

    /// <summary>One entry of a header.</summary>
    public static JsonObject Entry(string type, long[] shape, long begin, long end) => new()
    {
        ["dtype"] = type,
        ["shape"] = new JsonArray([.. shape.Select(extent => JsonValue.Create(extent))]),
        ["data_offsets"] = new JsonArray(begin, end),
    };
}
