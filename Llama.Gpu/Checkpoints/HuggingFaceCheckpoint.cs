using Llama.Gpu.Json;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// A checkpoint as Hugging Face lays it out: <c>config.json</c>, and <c>model.safetensors</c> or several shards with
/// <c>model.safetensors.index.json</c>, or else the older <c>pytorch_model.bin</c> or its shards. Each tensor may have its own type out of f32, f16 and bf16.
/// </summary>
public sealed class HuggingFaceCheckpoint : StoredCheckpoint
{
    /// <summary>Name of the configuration's file.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>Name of the weights' file where there is only one safetensors file.</summary>
    public const string WeightsFile = "model.safetensors";

    /// <summary>Name of the weights' file where there is only one of PyTorch's.</summary>
    public const string PyTorchWeightsFile = "pytorch_model.bin";

    private const string GenerationConfigFile = "generation_config.json";
    private const int MaxConfigLength = 16 << 20;
    private const int MaxIndexLength = 100_000_000;

    // in the order in which transformers looks for them
    private static readonly (string Name, bool IsIndex)[] WeightFiles =
    [
        (WeightsFile, false),
        (ShardIndex.SafeTensorsName, true),
        (PyTorchWeightsFile, false),
        (ShardIndex.PyTorchName, true),
    ];

    private HuggingFaceCheckpoint(string directory, LlamaConfig config)
        : base(new TensorSet(directory))
    {
        Directory = directory;
        Config = config;
    }

    /// <inheritdoc/>
    public override string Directory { get; }

    /// <inheritdoc/>
    public override LlamaConfig Config { get; }

    /// <summary>Tensors that the files hold and the model does not use (<see cref="TensorNames.IsIgnored"/>).</summary>
    public IReadOnlyList<TensorInfo> IgnoredTensors => Stored.Ignored;

    /// <summary>Opens the checkpoint in a folder and checks all but the weights themselves.</summary>
    /// <exception cref="CheckpointException">A file that is missing or malformed, or tensors that are not those of the configuration.</exception>
    public static new HuggingFaceCheckpoint Open(string directory)
    {
        var checkpoint = new HuggingFaceCheckpoint(directory, ReadConfig(directory));
        try
        {
            var (name, isIndex) = Array.Find(WeightFiles, file => File.Exists(Path.Combine(directory, file.Name)));
            string path = Path.Combine(directory, name ?? WeightsFile);
            var found = isIndex
                ? checkpoint.OpenShards(ShardIndex.Parse(CheckpointFiles.ReadAll(path, MaxIndexLength), path))
                : checkpoint.OpenFile(path).ToDictionary(tensor => tensor.Info.Name, StringComparer.Ordinal);
            checkpoint.Stored.Take(checkpoint.Config, found, path, ConfigFile);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Whether a folder holds weights under a name of this format.</summary>
    internal static bool HasWeights(string directory) => WeightFiles.Any(file => File.Exists(Path.Combine(directory, file.Name)));

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

    private IEnumerable<StoredTensor> OpenFile(string path) =>
        path.EndsWith(".bin", StringComparison.Ordinal)
            ? Stored.Own(PyTorchFile.Open(path)).Tensors
            : Stored.Own(SafeTensorsFile.Open(path)).Tensors;

    private Dictionary<string, StoredTensor> OpenShards(ShardIndex index)
    {
        var found = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        foreach (string shard in index.Shards)
        {
            string path = Path.Combine(Directory, shard);
            if (!File.Exists(path))
            {
                throw new CheckpointException(index.File, "expected this shard in the same folder, found no such file", shard);
            }

            foreach (var tensor in OpenFile(path))
            {
                string subject = StrictJson.OneLine(tensor.Info.Name);
                if (!index.ShardOfTensor.TryGetValue(tensor.Info.Name, out string? stated))
                {
                    throw new CheckpointException(path, $"expected only tensors that {Path.GetFileName(index.File)} names, found another", subject);
                }

                if (stated != shard)
                {
                    throw new CheckpointException(path, $"expected in {stated}, as {Path.GetFileName(index.File)} says, found here", subject);
                }

                found.Add(tensor.Info.Name, tensor);
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
}
