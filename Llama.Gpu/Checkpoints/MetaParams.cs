using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// Meta's <c>params.json</c>. Pure: bytes in, <see cref="LlamaConfig"/> out. It leaves out what its code has as constants; those are here.
/// </summary>
internal static class MetaParams
{
    /// <summary>The file's name in a checkpoint's folder.</summary>
    public const string FileName = "params.json";

    private const int Llama3Vocabulary = 128256;
    private const int Llama3BeginOfText = 128000;
    private const double DefaultTheta = 10000.0;
    private const double DefaultEpsilon = 1e-5;
    private const int DefaultMultipleOf = 256;

    // the largest text model of Llama 3.2, and the smallest of 3.1
    private const int LargestHiddenOfLlama32 = 3072;

    /// <summary>Reads a <c>params.json</c>.</summary>
    /// <param name="json">The file's content.</param>
    /// <param name="file">The file's path, for messages.</param>
    /// <param name="vocabularySize">Asked for the vocabulary's size where the file has -1 or none.</param>
    /// <param name="tiedHead">Whether the output head is the embedding, as the tensors tell.</param>
    /// <exception cref="CheckpointException">Not JSON, quantized, or a field that is missing, of the wrong type or out of range.</exception>
    public static LlamaConfig Parse(ReadOnlySpan<byte> json, string file, Func<int, int> vocabularySize, bool tiedHead)
    {
        using var document = JsonFields.Parse(json, file);
        var fields = new JsonFields(document.RootElement, file);
        if (fields.Value("quantization_args") is { } quantization)
        {
            throw fields.Error("quantization_args", "none (weights in f32, f16 or bf16; quantized checkpoints are not supported)", quantization);
        }

        int hidden = fields.Int32("dim", 1, HuggingFaceConfig.LargestHidden);
        int heads = fields.Int32("n_heads", 1, HuggingFaceConfig.MostHeads);
        int stated = fields.OptionalInt32("vocab_size", -1, HuggingFaceConfig.LargestVocabulary) ?? -1;
        int vocabulary = stated > 0 ? stated : vocabularySize(hidden);
        double theta = fields.OptionalDouble("rope_theta", above: 0, atMost: 1e15) ?? DefaultTheta;
        double epsilon = fields.OptionalDouble("norm_eps", above: 1e-30, atMost: 1) ?? DefaultEpsilon;
        bool scaled = fields.Boolean("use_scaled_rope", absent: false);
        bool llama3 = vocabulary >= Llama3Vocabulary;

        return new LlamaConfig
        {
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            IntermediateSize = IntermediateSize(fields, hidden),
            LayerCount = fields.Int32("n_layers", 1, HuggingFaceConfig.MostLayers),
            HeadCount = heads,
            KeyValueHeadCount = KeyValueHeads(fields, heads),
            HeadDim = HeadDim(fields, hidden, heads),
            MaxPositions = fields.OptionalInt32("max_seq_len", 1, HuggingFaceConfig.MostPositions)
                ?? (scaled ? 131072 : llama3 ? 8192 : theta > DefaultTheta ? 16384 : epsilon < DefaultEpsilon ? 2048 : 4096),
            RmsNormEpsilon = (float)epsilon,
            RopeTheta = theta,
            RopeScaling = scaled ? Scaling(fields, hidden) : null,
            TieWordEmbeddings = tiedHead,
            BeginOfTextId = llama3 ? Llama3BeginOfText : vocabulary > 2 ? 1 : null,

            // <|end_of_text|>, <|eom_id|> and <|eot_id|>, or </s>
            EndOfTextIds = llama3 ? [Llama3BeginOfText + 1, Llama3BeginOfText + 8, Llama3BeginOfText + 9] : vocabulary > 2 ? [2] : [],
        };
    }

    // As in the feed-forward layer of Meta's code: 4 * dim * 2/3, times a factor, rounded up to a multiple.
    private static int IntermediateSize(JsonFields fields, int hidden)
    {
        long size = 8L * hidden / 3;
        if (fields.OptionalDouble("ffn_dim_multiplier", above: 0, atMost: 1024) is { } factor)
        {
            size = (long)(factor * size);
        }

        long multiple = fields.OptionalInt32("multiple_of", 1, HuggingFaceConfig.LargestIntermediate) ?? DefaultMultipleOf;
        size = (size + multiple - 1) / multiple * multiple;
        return size is > 0 and <= HuggingFaceConfig.LargestIntermediate
            ? (int)size
            : throw fields.Error("multiple_of", $"a width of the MLP from 1 to {HuggingFaceConfig.LargestIntermediate}", $"one that makes it {size}");
    }

    private static int KeyValueHeads(JsonFields fields, int heads)
    {
        int keyValueHeads = fields.OptionalInt32("n_kv_heads", 1, HuggingFaceConfig.MostHeads) ?? heads;
        return heads % keyValueHeads == 0
            ? keyValueHeads
            : throw fields.Error("n_kv_heads", $"a divisor of n_heads ({heads})", $"{keyValueHeads}");
    }

    private static int HeadDim(JsonFields fields, int hidden, int heads)
    {
        int? stated = fields.OptionalInt32("head_dim", 1, HuggingFaceConfig.LargestHeadDim);
        int headDim = stated ?? hidden / heads;
        bool fits = headDim % 2 == 0 && headDim is > 0 and <= HuggingFaceConfig.LargestHeadDim && (stated is not null || hidden % heads == 0)
            && (long)heads * headDim <= HuggingFaceConfig.LargestHeadsWidth;
        return fits
            ? headDim
            : throw fields.Error("n_heads", $"a number of heads that divides dim ({hidden}) into heads of an even width", $"{heads}");
    }

    // The published 3.1 and 3.2 differ in the factor, and params.json does not name it.
    private static Llama3RopeScaling Scaling(JsonFields fields, int hidden)
    {
        double factor = fields.OptionalDouble("rope_scaling_factor", above: 0, atMost: 1e6) ?? (hidden <= LargestHiddenOfLlama32 ? 32 : 8);
        return factor >= 1
            ? new Llama3RopeScaling(factor, LowFrequencyFactor: 1, HighFrequencyFactor: 4, OriginalMaxPositions: 8192)
            : throw fields.Error("rope_scaling_factor", "a number from 1", fields.Value("rope_scaling_factor")!.Value);
    }
}
