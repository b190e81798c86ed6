using System.Collections.Immutable;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// Configurations of the published models, and two small ones, for <see cref="SyntheticCheckpoint"/>. To cut a model short, change
/// <see cref="LlamaConfig.LayerCount"/> in a copy.
/// </summary>
public static class SyntheticPresets
{
    private static readonly ImmutableArray<(string Name, LlamaConfig Config)> Presets =
    [
        ("tiny", Tiny()),
        ("300m", Medium()),
        ("llama-3.2-1b", Llama32(hidden: 2048, intermediate: 8192, layers: 16, heads: 32, headDim: 64)),
        ("llama-3.2-3b", Llama32(hidden: 3072, intermediate: 8192, layers: 28, heads: 24, headDim: 128)),
        ("llama-3-8b", Llama3()),
        ("llama-3.1-8b", Llama3() with { MaxPositions = 131072, RopeScaling = new Llama3RopeScaling(8, 1, 4, 8192) }),
        ("llama-2-7b", Llama2(hidden: 4096, intermediate: 11008, layers: 32, heads: 32, keyValueHeads: 32)),
        ("llama-2-70b", Llama2(hidden: 8192, intermediate: 28672, layers: 80, heads: 64, keyValueHeads: 8)),
    ];

    /// <summary>The names, smallest model first within a family.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Presets.Select(preset => preset.Name)];

    /// <summary>A preset's configuration; <see cref="LlamaConfig.DeclaredType"/> is the type the model was published in.</summary>
    /// <exception cref="ArgumentException">There is no such preset; the message lists those there are.</exception>
    public static LlamaConfig Get(string name)
    {
        foreach (var preset in Presets)
        {
            if (preset.Name == name)
            {
                return preset.Config;
            }
        }

        throw new ArgumentException($"expected one of {string.Join(", ", Names)}, found {name}", nameof(name));
    }

    // Everything the kernels must handle, in about 200 thousand parameters: grouped KV heads, scaled RoPE, an untied head.
    private static LlamaConfig Tiny() => new()
    {
        VocabularySize = 512,
        HiddenSize = 64,
        IntermediateSize = 192,
        LayerCount = 3,
        HeadCount = 4,
        KeyValueHeadCount = 2,
        HeadDim = 16,
        MaxPositions = 512,
        RmsNormEpsilon = 1e-5f,
        RopeTheta = 500000,
        RopeScaling = new Llama3RopeScaling(8, 1, 4, 64),
        BeginOfTextId = 0,
        EndOfTextIds = [1],
        DeclaredType = TensorType.BFloat16,
    };

    private static LlamaConfig Medium() => new()
    {
        VocabularySize = 32000,
        HiddenSize = 1024,
        IntermediateSize = 4096,
        LayerCount = 16,
        HeadCount = 16,
        KeyValueHeadCount = 4,
        HeadDim = 64,
        MaxPositions = 4096,
        RmsNormEpsilon = 1e-5f,
        BeginOfTextId = 1,
        EndOfTextIds = [2],
        DeclaredType = TensorType.BFloat16,
    };

    private static LlamaConfig Llama2(int hidden, int intermediate, int layers, int heads, int keyValueHeads) => new()
    {
        VocabularySize = 32000,
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        LayerCount = layers,
        HeadCount = heads,
        KeyValueHeadCount = keyValueHeads,
        HeadDim = 128,
        MaxPositions = 4096,
        RmsNormEpsilon = 1e-5f,
        BeginOfTextId = 1,
        EndOfTextIds = [2],
        DeclaredType = TensorType.Float16,
    };

    private static LlamaConfig Llama3() => new()
    {
        VocabularySize = 128256,
        HiddenSize = 4096,
        IntermediateSize = 14336,
        LayerCount = 32,
        HeadCount = 32,
        KeyValueHeadCount = 8,
        HeadDim = 128,
        MaxPositions = 8192,
        RmsNormEpsilon = 1e-5f,
        RopeTheta = 500000,
        BeginOfTextId = 128000,
        EndOfTextIds = [128001],
        DeclaredType = TensorType.BFloat16,
    };

    private static LlamaConfig Llama32(int hidden, int intermediate, int layers, int heads, int headDim) => Llama3() with
    {
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        LayerCount = layers,
        HeadCount = heads,
        HeadDim = headDim,
        MaxPositions = 131072,
        RopeScaling = new Llama3RopeScaling(32, 1, 4, 8192),
        TieWordEmbeddings = true,
    };
}
