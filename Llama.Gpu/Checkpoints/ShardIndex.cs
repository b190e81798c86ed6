using System.Text.Json;
using Llama.Gpu.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// <c>model.safetensors.index.json</c> or <c>pytorch_model.bin.index.json</c>: which shard holds which tensor. Pure: bytes in, names out.
/// </summary>
public sealed class ShardIndex
{
    /// <summary>The file's name where the shards are safetensors files.</summary>
    public const string SafeTensorsName = "model.safetensors.index.json";

    /// <summary>The file's name where the shards are PyTorch's.</summary>
    public const string PyTorchName = "pytorch_model.bin.index.json";

    private ShardIndex(string file, OrderedDictionary<string, string> shardOfTensor)
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
    /// <param name="file">The file's path; shards of PyTorch's index end in <c>.bin</c>, of any other in <c>.safetensors</c>.</param>
    /// <exception cref="CheckpointException">Not JSON, no <c>weight_map</c>, or a shard that is no plain file name.</exception>
    public static ShardIndex Parse(ReadOnlySpan<byte> json, string file)
    {
        const string MapName = "weight_map";
        string extension = Path.GetFileName(file) == PyTorchName ? ".bin" : ".safetensors";
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
            if (entry.Value.ValueKind != JsonValueKind.String || !IsPlainShardName(entry.Value.GetString()!, extension))
            {
                throw new CheckpointException(
                    file,
                    $"expected the name of a {extension} file in the same folder, found {StrictJson.Quote(entry.Value)}",
                    StrictJson.OneLine(entry.Name));
            }

            shards.Add(entry.Name, entry.Value.GetString()!);
        }

        return shards.Count > 0
            ? new ShardIndex(file, shards)
            : throw new CheckpointException(file, "expected at least one tensor, found none", MapName);
    }

    // A name may lead nowhere but into the checkpoint's own folder, on any system: no separators, drives or parents.
    private static bool IsPlainShardName(string name, string extension) =>
        name.Length > extension.Length
        && name.Length <= 255
        && name.EndsWith(extension, StringComparison.Ordinal)
        && !name.Any(c => c is '/' or '\\' or ':' || char.IsControl(c));
}
