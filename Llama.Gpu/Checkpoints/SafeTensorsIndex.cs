using System.Text.Json;
using Llama.Gpu.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// <c>model.safetensors.index.json</c>: which shard holds which tensor. Pure: bytes in, names out.
/// </summary>
public sealed class SafeTensorsIndex
{
    /// <summary>The file's name in a checkpoint's folder.</summary>
    public const string FileName = "model.safetensors.index.json";

    private const string ShardExtension = ".safetensors";

    private SafeTensorsIndex(string file, OrderedDictionary<string, string> shardOfTensor)
    {
        File = file;
        ShardOfTensor = shardOfTensor;
        Shards = [.. shardOfTensor.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>Path of the index.</summary>
    public string File { get; }

    /// <summary>The shard's file name for each tensor, in the file's order (<c>weight_map</c>).</summary>
    public IReadOnlyDictionary<string, string> ShardOfTensor { get; }

    /// <summary>Names of the shards, each once.</summary>
    public IReadOnlyList<string> Shards { get; }

    /// <summary>Parses an index.</summary>
    /// <param name="json">The file's content.</param>
    /// <param name="file">The file's path, for messages.</param>
    /// <exception cref="CheckpointException">Not JSON, no <c>weight_map</c>, or a shard that is no plain file name.</exception>
    public static SafeTensorsIndex Parse(ReadOnlySpan<byte> json, string file)
    {
        const string MapName = "weight_map";
        using var document = JsonFields.Parse(json, file);
        if (!document.RootElement.TryGetProperty(MapName, out var map))
        {
            throw new CheckpointException(file, "expected an object of tensor names and file names, found none", MapName);
        }

        if (map.ValueKind != JsonValueKind.Object)
        {
            throw new CheckpointException(
                file, $"expected an object of tensor names and file names, found {StrictJson.Quote(map)}", MapName);
        }

        var shards = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String || !IsPlainShardName(entry.Value.GetString()!))
            {
                throw new CheckpointException(
                    file,
                    $"expected the name of a {ShardExtension} file in the same folder, found {StrictJson.Quote(entry.Value)}",
                    StrictJson.OneLine(entry.Name));
            }

            shards.Add(entry.Name, entry.Value.GetString()!);
        }

        return shards.Count > 0
            ? new SafeTensorsIndex(file, shards)
            : throw new CheckpointException(file, "expected at least one tensor, found none", MapName);
    }

    // A name may lead nowhere but into the checkpoint's own folder, on any system: no separators, drives or parents.
    private static bool IsPlainShardName(string name) =>
        name.Length > ShardExtension.Length
        && name.Length <= 255
        && name.EndsWith(ShardExtension, StringComparison.Ordinal)
        && !name.Any(c => c is '/' or '\\' or ':' || char.IsControl(c));
}
