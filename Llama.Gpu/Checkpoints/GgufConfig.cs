using System.Runtime.InteropServices;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>The metadata of a GGUF file of a Llama as <see cref="LlamaConfig"/>.</summary>
internal static class GgufConfig
{
    /// <summary>The factors by which Llama 3.1 divides its frequencies: (head dim / 2).</summary>
    public const string RopeFactors = "rope_freqs.weight";

    private static readonly string[] EndRoles = ["eos", "eot", "eom"];

    private const string Architecture = "general.architecture";

    /// <summary>Reads the configuration.</summary>
    /// <exception cref="CheckpointException">Not a Llama, or a field that is missing, of the wrong type or out of range.</exception>
    public static LlamaConfig Read(GgufFile file)
    {
        if (file.Optional<string>(Architecture) is var architecture && architecture != "llama")
        {
            throw file.Error(Architecture, $"expected \"llama\", found {(architecture is null ? "none" : $"\"{architecture}\"")}");
        }

        if (file.OptionalInteger("llama.expert_count", 0, int.MaxValue) is > 0)
        {
            throw file.Error("llama.expert_count", "expected none: mixtures of experts are not supported");
        }

        int hidden = file.Integer("llama.embedding_length", 1, HuggingFaceConfig.LargestHidden);
        int heads = file.Integer("llama.attention.head_count", 1, HuggingFaceConfig.MostHeads);
        int keyValueHeads = file.OptionalInteger("llama.attention.head_count_kv", 1, HuggingFaceConfig.MostHeads) ?? heads;
        if (heads % keyValueHeads != 0)
        {
            throw file.Error("llama.attention.head_count_kv", $"expected a divisor of the {heads} heads, found {keyValueHeads}");
        }

        int headDim = file.OptionalInteger("llama.attention.key_length", 2, HuggingFaceConfig.LargestHeadDim) ?? hidden / heads;
        int turned = file.OptionalInteger("llama.rope.dimension_count", 1, HuggingFaceConfig.LargestHeadDim) ?? headDim;
        if (headDim % 2 != 0 || headDim == 0 || turned != headDim || (long)heads * headDim > HuggingFaceConfig.LargestHeadsWidth)
        {
            throw file.Error("llama.rope.dimension_count", $"expected heads of an even width that RoPE turns as a whole, found {turned} of {headDim}");
        }

        var names = file.Tensors.ToLookup(tensor => tensor.Info.Name, StringComparer.Ordinal);
        int vocabulary = VocabularySize(file, names["token_embd.weight"].FirstOrDefault());
        double theta = file.OptionalNumber("llama.rope.freq_base", above: 0, atMost: 1e15) ?? 10000;
        return new LlamaConfig
        {
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            IntermediateSize = file.Integer("llama.feed_forward_length", 1, HuggingFaceConfig.LargestIntermediate),
            LayerCount = file.Integer("llama.block_count", 1, HuggingFaceConfig.MostLayers),
            HeadCount = heads,
            KeyValueHeadCount = keyValueHeads,
            HeadDim = headDim,
            MaxPositions = file.Integer("llama.context_length", 1, HuggingFaceConfig.MostPositions),
            RmsNormEpsilon = (float)(file.OptionalNumber("llama.attention.layer_norm_rms_epsilon", above: 1e-30, atMost: 1) ?? 1e-5),
            RopeTheta = theta,
            RopeScaling = Scaling(file, names[RopeFactors].FirstOrDefault(), theta, headDim),
            TieWordEmbeddings = !names.Contains("output.weight"),
            AttentionBias = names.Contains("blk.0.attn_q.bias"),
            MlpBias = names.Contains("blk.0.ffn_gate.bias"),
            BeginOfTextId = file.OptionalInteger("tokenizer.ggml.bos_token_id", 0, vocabulary - 1),
            EndOfTextIds =
            [
                .. EndRoles
                    .Select(role => file.OptionalInteger($"tokenizer.ggml.{role}_token_id", 0, vocabulary - 1)).OfType<int>().Distinct(),
            ],
            DeclaredType = names["token_embd.weight"].FirstOrDefault()?.Info.Type,
        };
    }

    private static int VocabularySize(GgufFile file, StoredTensor? embedding)
    {
        const string Key = "llama.vocab_size";
        return file.OptionalInteger(Key, 1, HuggingFaceConfig.LargestVocabulary)
            ?? (embedding is { Info.Shape: [>= 1 and <= HuggingFaceConfig.LargestVocabulary and var rows, _] }
                ? (int)rows
                : throw file.Error(Key, "expected a number or an embedding to count, found none"));
    }

    private static RopeScaling? Scaling(GgufFile file, StoredTensor? factors, double theta, int headDim)
    {
        const string Key = "llama.rope.scaling.type";
        if (factors is not null)
        {
            return Llama3Scaling(file, factors, theta, headDim);
        }

        return file.Optional<string>(Key) switch
        {
            null or "none" => null,
            "linear" => new LinearRopeScaling(
                file.OptionalNumber("llama.rope.scaling.factor", above: 0.999, atMost: 1e6) ?? throw file.Error(Key, "expected a factor, found none")),
            var other => throw file.Error(Key, $"expected none or linear, found {other}"),
        };
    }

    // The file has what the rule of Llama 3.1 makes, and not the rule: its largest factor is the rule's, and the rest must follow.
    private static Llama3RopeScaling Llama3Scaling(GgufFile file, StoredTensor tensor, double theta, int headDim)
    {
        if (tensor.Info.Type != TensorType.Float32 || tensor.Info.ByteLength != headDim / 2 * sizeof(float))
        {
            throw file.Error(RopeFactors, $"expected {headDim / 2} factors in F32, found {TensorShape.Format(tensor.Info.Shape)}");
        }

        var factors = MemoryMarshal.Cast<byte, float>(tensor.Content.Read(0, (int)tensor.Info.ByteLength));
        double largest = 1;
        foreach (float factor in factors)
        {
            largest = Math.Max(largest, factor);
        }

        var rule = new Llama3RopeScaling(largest, LowFrequencyFactor: 1, HighFrequencyFactor: 4, OriginalMaxPositions: 8192);
        for (int i = 0; i < factors.Length; i++)
        {
            double wavelength = 2 * Math.PI * Math.Pow(theta, 2.0 * i / headDim);
            double smooth = Math.Clamp((rule.OriginalMaxPositions / wavelength - 1) / 3, 0, 1);
            double expected = 1 / ((1 - smooth) / largest + smooth);
            if (!(Math.Abs(factors[i] / expected - 1) < 1e-3))
            {
                throw file.Error(RopeFactors, $"expected the factors of Llama 3.1's rule over 8192 positions, found {factors[i]} for pair {i}");
            }
        }

        return rule;
    }
}
