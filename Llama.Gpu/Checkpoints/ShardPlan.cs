using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// Which tensors go into which file, as huggingface_hub decides it: in order, a new shard where the next tensor would pass the limit.
/// </summary>
internal static class ShardPlan
{
    /// <summary>Most bytes of tensors in a file, unless a single tensor is larger: "5GB".</summary>
    public const long DefaultLimit = 5_000_000_000;

    /// <summary>Splits tensors into files.</summary>
    public static ImmutableArray<(string FileName, ImmutableArray<TensorSpec> Tensors)> Split(IEnumerable<TensorSpec> tensors, long limit)
    {
        var shards = new List<List<TensorSpec>> { new() };
        long filled = 0;
        foreach (var tensor in tensors)
        {
            long length = ByteLength(tensor);
            if (filled > 0 && filled + length > limit)
            {
                shards.Add([]);
                filled = 0;
            }

            shards[^1].Add(tensor);
            filled += length;
        }

        return [.. shards.Select((shard, i) => (FileName(i, shards.Count), shard.ToImmutableArray()))];
    }

    /// <summary>Bytes of a tensor of a valid configuration.</summary>
    public static long ByteLength(TensorSpec tensor) => checked(tensor.Shape.Aggregate((long)tensor.Type.ElementSize(), (a, b) => a * b));

    /// <summary>Writes the index of several shards.</summary>
    public static byte[] WriteIndex(ImmutableArray<(string FileName, ImmutableArray<TensorSpec> Tensors)> shards)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", shards.Sum(shard => shard.Tensors.Sum(ByteLength)));
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            var entries = shards.SelectMany(shard => shard.Tensors.Select(tensor => (tensor.Name, shard.FileName)));
            foreach (var (name, fileName) in entries.OrderBy(entry => entry.Name, StringComparer.Ordinal))
            {
                json.WriteString(name, fileName);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static string FileName(int index, int count) =>
        count == 1
            ? HuggingFaceCheckpoint.WeightsFile
            : string.Create(CultureInfo.InvariantCulture, $"model-{index + 1:D5}-of-{count:D5}.safetensors");
}
