using Llama.Gpu.Json;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// A checkpoint as Hugging Face lays it out: <c>config.json</c>, and <c>model.safetensors</c> or several shards with
/// <c>model.safetensors.index.json</c>. Each tensor may have its own type out of f32, f16 and bf16.
/// </summary>
public sealed class HuggingFaceCheckpoint : Checkpoint
{
    /// <summary>Name of the configuration's file.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>Name of the weights' file where there is only one.</summary>
    public const string WeightsFile = "model.safetensors";

    private const string GenerationConfigFile = "generation_config.json";
    private const int MaxConfigLength = 16 << 20;
    private const int MaxIndexLength = 100_000_000;

    private readonly Dictionary<string, SafeTensorsFile> _files = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);
    private readonly List<TensorInfo> _ignored = [];

    private HuggingFaceCheckpoint(string directory, LlamaConfig config)
    {
        Directory = directory;
        Config = config;
    }

    /// <inheritdoc/>
    public override string Directory { get; }

    /// <inheritdoc/>
    public override LlamaConfig Config { get; }

    /// <summary>Every tensor of the model, in the order of <see cref="TensorNames.Expected"/>.</summary>
    public override IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    /// <summary>Tensors that the files hold and the model does not use (<see cref="TensorNames.IsIgnored"/>).</summary>
    public IReadOnlyList<TensorInfo> IgnoredTensors => _ignored;

    /// <summary>Opens the checkpoint in a folder and checks all but the weights themselves.</summary>
    /// <exception cref="CheckpointException">A file that is missing or malformed, or tensors that are not those of the configuration.</exception>
    public static new HuggingFaceCheckpoint Open(string directory)
    {
        var checkpoint = new HuggingFaceCheckpoint(directory, ReadConfig(directory));
        try
        {
            string single = Path.Combine(directory, WeightsFile);
            string index = Path.Combine(directory, SafeTensorsIndex.FileName);
            if (File.Exists(single) || !File.Exists(index))
            {
                checkpoint.Take(checkpoint.OpenFile(single).Header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal), single);
            }
            else
            {
                checkpoint.Take(checkpoint.OpenShards(SafeTensorsIndex.Parse(CheckpointFiles.ReadAll(index, MaxIndexLength), index)), index);
            }

            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The tensor is not one of this checkpoint.</exception>
    /// <exception cref="CheckpointException">The file has become shorter since it was opened.</exception>
    public override ReadOnlySpan<byte> Read(TensorInfo tensor, long byteOffset, int byteCount) =>
        FileOf(tensor, byteOffset, byteCount).Read(tensor.Offset + byteOffset, byteCount);

    /// <inheritdoc/>
    public override void CopyTo(TensorInfo tensor, long byteOffset, Span<byte> destination) =>
        FileOf(tensor, byteOffset, destination.Length).CopyTo(tensor.Offset + byteOffset, destination);

    private SafeTensorsFile FileOf(TensorInfo tensor, long byteOffset, int byteCount)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!_files.TryGetValue(tensor.File, out var file))
        {
            throw new ArgumentException($"{tensor.Name} in {tensor.File} is no tensor of {Directory}", nameof(tensor));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(byteCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, tensor.ByteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteCount, tensor.ByteLength - byteOffset);
        return file;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var file in _files.Values)
            {
                file.Dispose();
            }
        }
    }

    private static LlamaConfig ReadConfig(string directory)
    {
        string path = Path.Combine(directory, ConfigFile);
        var config = HuggingFaceConfig.Parse(CheckpointFiles.ReadAll(path, MaxConfigLength), path);

        // Llama 3's instruction models name <|eot_id|> only here
        string generation = Path.Combine(directory, GenerationConfigFile);
        if (!File.Exists(generation))
        {
            return config;
        }

        var ends = HuggingFaceConfig.ParseGenerationEndOfText(
            CheckpointFiles.ReadAll(generation, MaxConfigLength), generation, config.VocabularySize);
        return config with { EndOfTextIds = [.. config.EndOfTextIds.Union(ends)] };
    }

    private SafeTensorsFile OpenFile(string path)
    {
        var file = SafeTensorsFile.Open(path);
        _files.Add(path, file);
        return file;
    }

    private Dictionary<string, TensorInfo> OpenShards(SafeTensorsIndex index)
    {
        var found = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
        foreach (string shard in index.Shards)
        {
            string path = Path.Combine(Directory, shard);
            if (!File.Exists(path))
            {
                throw new CheckpointException(index.File, "expected this shard in the same folder, found no such file", shard);
            }

            foreach (var tensor in OpenFile(path).Header.Tensors)
            {
                string subject = StrictJson.OneLine(tensor.Name);
                if (!index.ShardOfTensor.TryGetValue(tensor.Name, out string? stated))
                {
                    throw new CheckpointException(path, $"expected only tensors that {SafeTensorsIndex.FileName} names, found another", subject);
                }

                if (stated != shard)
                {
                    throw new CheckpointException(path, $"expected in {stated}, as {SafeTensorsIndex.FileName} says, found here", subject);
                }

                found.Add(tensor.Name, tensor);
            }
        }

        foreach (var (name, shard) in index.ShardOfTensor)
        {
            if (!found.ContainsKey(name))
            {
                throw new CheckpointException(index.File, $"expected in {shard}, found no such tensor there", StrictJson.OneLine(name));
            }
        }

        return found;
    }

    private void Take(Dictionary<string, TensorInfo> found, string listedIn)
    {
        foreach (var expected in TensorNames.Expected(Config))
        {
            if (!found.Remove(expected.Name, out var tensor))
            {
                throw new CheckpointException(
                    listedIn, $"expected a tensor of shape {TensorShape.Format(expected.Shape)}, found none", expected.Name);
            }

            if (!tensor.Shape.SequenceEqual(expected.Shape))
            {
                throw new CheckpointException(
                    tensor.File,
                    $"expected shape {TensorShape.Format(expected.Shape)} as {ConfigFile} has it, found {TensorShape.Format(tensor.Shape)}",
                    expected.Name);
            }

            _tensors.Add(expected.Name, tensor);
        }

        foreach (var tensor in found.Values)
        {
            if (!TensorNames.IsIgnored(tensor.Name, Config))
            {
                throw new CheckpointException(
                    tensor.File,
                    $"expected only tensors of the model that {ConfigFile} describes, found one of shape {TensorShape.Format(tensor.Shape)}",
                    StrictJson.OneLine(tensor.Name));
            }

            _ignored.Add(tensor);
        }
    }
}
