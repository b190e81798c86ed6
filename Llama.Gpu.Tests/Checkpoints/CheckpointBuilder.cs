using System.Text.Json.Nodes;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>
/// A small valid checkpoint in a temporary folder, to be spoiled in one place before it is opened. Written without the library's own
/// writers, so that readers and writers are not tested against each other alone.
/// </summary>
internal sealed class CheckpointBuilder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public CheckpointBuilder(LlamaConfig? model = null)
    {
        model ??= SmallModel;
        var random = new Random(7);
        ConfigJson = (JsonObject)JsonNode.Parse(HuggingFaceConfig.Write(model))!;
        Tensors = [.. TensorNames.Expected(model).Select(expected => Tensor(expected.Name, [.. expected.Shape], random))];
    }

    /// <summary>Two layers with grouped heads and an untied head.</summary>
    public static LlamaConfig SmallModel { get; } = new()
    {
        VocabularySize = 11,
        HiddenSize = 8,
        IntermediateSize = 12,
        LayerCount = 2,
        HeadCount = 4,
        KeyValueHeadCount = 2,
        HeadDim = 2,
        MaxPositions = 32,
        RmsNormEpsilon = 1e-5f,
        BeginOfTextId = 1,
        EndOfTextIds = [2],
        DeclaredType = TensorType.BFloat16,
    };

    public string Path => _folder.Path;

    public JsonObject ConfigJson { get; }

    public List<RawTensor> Tensors { get; }

    public static RawTensor Tensor(string name, long[] shape, Random random, string type = "BF16")
    {
        byte[] data = new byte[shape.Aggregate(type == "F32" ? 4L : 2L, (a, b) => a * b)];
        random.NextBytes(data);
        return new RawTensor(name, type, shape, data);
    }

    /// <summary>Replaces a tensor by what <paramref name="change"/> makes of it.</summary>
    public void Change(string name, Func<RawTensor, RawTensor> change)
    {
        int i = Tensors.FindIndex(tensor => tensor.Name == name);
        Tensors[i] = change(Tensors[i]);
    }

    public CheckpointBuilder WriteConfig()
    {
        WriteFile("config.json", ConfigJson.ToJsonString());
        return this;
    }

    /// <summary>Writes <c>config.json</c> and <c>model.safetensors</c>.</summary>
    public CheckpointBuilder WriteSingle(Action<JsonObject>? editHeader = null)
    {
        WriteConfig();
        WriteFile("model.safetensors", RawTensor.File(Tensors, editHeader));
        return this;
    }

    /// <summary>Writes <c>config.json</c>, shards of a few tensors each and their index.</summary>
    public CheckpointBuilder WriteShards(int shards, Action<JsonObject>? editIndex = null)
    {
        WriteConfig();
        var map = new JsonObject();
        for (int i = 0; i < shards; i++)
        {
            string name = $"model-{i + 1:D5}-of-{shards:D5}.safetensors";
            var part = Tensors.Where((_, index) => index % shards == i).ToList();
            WriteFile(name, RawTensor.File(part));
            part.ForEach(tensor => map[tensor.Name] = name);
        }

        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = Tensors.Sum(tensor => tensor.Data.Length) },
            ["weight_map"] = map,
        };
        editIndex?.Invoke(index);
        WriteFile("model.safetensors.index.json", index.ToJsonString());
        return this;
    }

    public void WriteFile(string name, string content) => File.WriteAllText(_folder[name], content);

    public void WriteFile(string name, byte[] content) => File.WriteAllBytes(_folder[name], content);

    public string PathOf(string name) => _folder[name];

    public void Dispose() => _folder.Dispose();
}
