using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>A small checkpoint of a random shape on disk.</summary>
internal sealed class RandomModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public RandomModel(int seed)
    {
        var random = new Random(seed);
        int headDim = 8 * random.Next(1, 4);
        int keyValueHeads = random.Next(1, 4);
        int heads = keyValueHeads * random.Next(1, 4);
        Config = SyntheticPresets.Get("tiny") with
        {
            VocabularySize = random.Next(40, 300),
            HiddenSize = 8 * random.Next(3, 13),
            IntermediateSize = random.Next(33, 200),
            LayerCount = random.Next(1, 5),
            HeadCount = heads,
            KeyValueHeadCount = keyValueHeads,
            HeadDim = headDim,
            TieWordEmbeddings = random.Next(2) == 0,
            AttentionBias = random.Next(3) == 0,
            MlpBias = random.Next(3) == 0,
        };
        TensorType type = (TensorType)random.Next(3);
        SyntheticCheckpoint.Write(Directory, Config, type, (ulong)seed);
    }

    public LlamaConfig Config { get; }

    public string Directory => _folder["model"];

    public Checkpoint Open() => Checkpoint.Open(Directory);

    public void Dispose() => _folder.Dispose();
}
