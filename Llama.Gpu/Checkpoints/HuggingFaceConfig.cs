using System.Collections.Immutable;
using System.Text.Json;
using Llama.Gpu.Json;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// Hugging Face's <c>config.json</c> of a Llama model, read and written. Pure: bytes in, <see cref="LlamaConfig"/> out.
/// Names and defaults are those of transformers' <c>LlamaConfig</c>, of versions 4 and 5 alike.
/// </summary>
public static class HuggingFaceConfig
{
    // Far above any model there is, and low enough that no product of two overflows what tensors are counted in.
    internal const int LargestVocabulary = 1 << 24;
    internal const int LargestHidden = 1 << 20;
    internal const int LargestIntermediate = 1 << 22;
    internal const int MostLayers = 1 << 12;
    internal const int MostHeads = 1 << 14;
    internal const int LargestHeadDim = 1 << 12;
    internal const int LargestHeadsWidth = 1 << 22;

    /// <summary>Largest <c>max_position_embeddings</c> that is taken seriously.</summary>
    internal const int MostPositions = 1 << 30;

    private const double DefaultEpsilon = 1e-6;
    private const int DefaultMaxPositions = 2048;

    /// <summary>Reads a <c>config.json</c>.</summary>
    /// <param name="json">The file's content.</param>
    /// <param name="file">The file's path, for messages.</param>
    /// <exception cref="CheckpointException">
    /// Not JSON, not a Llama, quantized, a field that is missing, of the wrong type or out of range, or a RoPE type that is not supported.
    /// </exception>
    public static LlamaConfig Parse(ReadOnlySpan<byte> json, string file)
    {
        using var document = JsonFields.Parse(json, file);
        var fields = new JsonFields(document.RootElement, file);
        CheckArchitecture(fields);
        CheckWeightsArePlain(fields);

        int hidden = fields.Int32("hidden_size", 1, LargestHidden);
        int heads = fields.Int32("num_attention_heads", 1, MostHeads);
        int vocabulary = fields.Int32("vocab_size", 1, LargestVocabulary);
        int keyValueHeads = KeyValueHeads(fields, heads);
        int headDim = HeadDim(fields, hidden, heads);
        var (theta, scaling) = HuggingFaceRope.Parse(fields);

        return new LlamaConfig
        {
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            IntermediateSize = fields.Int32("intermediate_size", 1, LargestIntermediate),
            LayerCount = fields.Int32("num_hidden_layers", 1, MostLayers),
            HeadCount = heads,
            KeyValueHeadCount = keyValueHeads,
            HeadDim = headDim,
            MaxPositions = fields.OptionalInt32("max_position_embeddings", 1, MostPositions) ?? DefaultMaxPositions,
            RmsNormEpsilon = Epsilon(fields),
            RopeTheta = theta,
            RopeScaling = scaling,
            TieWordEmbeddings = fields.Boolean("tie_word_embeddings", absent: false),
            AttentionBias = fields.Boolean("attention_bias", absent: false),
            MlpBias = fields.Boolean("mlp_bias", absent: false),
            BeginOfTextId = fields.OptionalInt32("bos_token_id", 0, vocabulary - 1),
            EndOfTextIds = EndOfTextIds(fields, vocabulary),
            DeclaredType = DeclaredType(fields),
        };
    }

    /// <summary>Reads the end-of-text tokens of a <c>generation_config.json</c>; none where it names none.</summary>
    /// <param name="json">The file's content.</param>
    /// <param name="file">The file's path, for messages.</param>
    /// <param name="vocabularySize">Ids must lie below it.</param>
    /// <exception cref="CheckpointException">Not JSON, or an <c>eos_token_id</c> that is no token.</exception>
    public static ImmutableArray<int> ParseGenerationEndOfText(ReadOnlySpan<byte> json, string file, int vocabularySize)
    {
        using var document = JsonFields.Parse(json, file);
        return EndOfTextIds(new JsonFields(document.RootElement, file), vocabularySize);
    }

    /// <summary>Writes a configuration as transformers would, so that <see cref="Parse"/> gives it back.</summary>
    public static byte[] Write(LlamaConfig config)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartArray("architectures");
            json.WriteStringValue("LlamaForCausalLM");
            json.WriteEndArray();
            json.WriteBoolean("attention_bias", config.AttentionBias);
            WriteId(json, "bos_token_id", config.BeginOfTextId);
            WriteEndOfText(json, config.EndOfTextIds);
            json.WriteNumber("head_dim", config.HeadDim);
            json.WriteString("hidden_act", "silu");
            json.WriteNumber("hidden_size", config.HiddenSize);
            json.WriteNumber("intermediate_size", config.IntermediateSize);
            json.WriteNumber("max_position_embeddings", config.MaxPositions);
            json.WriteBoolean("mlp_bias", config.MlpBias);
            json.WriteString("model_type", "llama");
            json.WriteNumber("num_attention_heads", config.HeadCount);
            json.WriteNumber("num_hidden_layers", config.LayerCount);
            json.WriteNumber("num_key_value_heads", config.KeyValueHeadCount);
            json.WriteNumber("rms_norm_eps", config.RmsNormEpsilon);
            HuggingFaceRope.Write(json, config);
            json.WriteBoolean("tie_word_embeddings", config.TieWordEmbeddings);
            if (config.DeclaredType is { } type)
            {
                json.WriteString("torch_dtype", TorchName(type));
            }

            json.WriteNumber("vocab_size", config.VocabularySize);
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static void CheckArchitecture(JsonFields fields)
    {
        if (fields.OptionalText("model_type") is { } modelType && modelType != "llama")
        {
            throw fields.Error("model_type", "\"llama\"", StrictJson.OneLine($"\"{modelType}\""));
        }

        if (fields.Value("architectures") is { } architectures)
        {
            // the second spelling is that of the first conversions of Llama 1
            if (architectures.ValueKind != JsonValueKind.Array || !architectures.EnumerateArray().Any(
                name => name.ValueKind == JsonValueKind.String && name.GetString() is "LlamaForCausalLM" or "LLaMAForCausalLM"))
            {
                throw fields.Error("architectures", "a list with \"LlamaForCausalLM\"", architectures);
            }
        }
        else if (fields.Value("model_type") is null)
        {
            throw fields.Missing("architectures", "a list with \"LlamaForCausalLM\" (or a model_type of \"llama\")");
        }

        if (fields.OptionalText("hidden_act") is { } activation && activation is not ("silu" or "swish"))
        {
            throw fields.Error("hidden_act", "\"silu\"", StrictJson.OneLine($"\"{activation}\""));
        }
    }

    private static void CheckWeightsArePlain(JsonFields fields)
    {
        foreach (string name in (ReadOnlySpan<string>)["quantization_config", "compression_config"])
        {
            if (fields.Value(name) is { } quantization)
            {
                throw fields.Error(name, "none (weights in f32, f16 or bf16; quantized checkpoints are not supported)", quantization);
            }
        }
    }

    private static int KeyValueHeads(JsonFields fields, int heads)
    {
        int keyValueHeads = fields.OptionalInt32("num_key_value_heads", 1, MostHeads) ?? heads;
        return heads % keyValueHeads == 0
            ? keyValueHeads
            : throw fields.Error("num_key_value_heads", $"a divisor of num_attention_heads ({heads})", $"{keyValueHeads}");
    }

    private static int HeadDim(JsonFields fields, int hidden, int heads)
    {
        int? stated = fields.OptionalInt32("head_dim", 1, LargestHeadDim);
        if (stated is null && hidden % heads != 0)
        {
            throw fields.Error("hidden_size", $"a multiple of num_attention_heads ({heads}) where head_dim is absent", $"{hidden}");
        }

        int headDim = stated ?? hidden / heads;
        if (headDim % 2 != 0 || headDim > LargestHeadDim)
        {
            throw fields.Error("head_dim", $"an even number up to {LargestHeadDim} (RoPE turns pairs)", $"{headDim}");
        }

        if ((long)heads * headDim > LargestHeadsWidth)
        {
            throw fields.Error("head_dim", $"num_attention_heads * head_dim up to {LargestHeadsWidth}", $"{heads} * {headDim}");
        }

        return headDim;
    }

    private static float Epsilon(JsonFields fields)
    {
        float epsilon = (float)(fields.OptionalDouble("rms_norm_eps", above: 0, atMost: 1) ?? DefaultEpsilon);
        return epsilon > 0
            ? epsilon
            : throw fields.Error("rms_norm_eps", "a number above 0 as a 32-bit float", fields.Value("rms_norm_eps")!.Value);
    }

    private static ImmutableArray<int> EndOfTextIds(JsonFields fields, int vocabulary)
    {
        const string Name = "eos_token_id";
        if (fields.Value(Name) is not { } value)
        {
            return [];
        }

        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(id => fields.ToInt32(Name, id, 0, vocabulary - 1)).Distinct()]
            : [fields.ToInt32(Name, value, 0, vocabulary - 1)];
    }

    private static TensorType? DeclaredType(JsonFields fields)
    {
        string name = fields.Value("dtype") is null ? "torch_dtype" : "dtype";
        return fields.OptionalText(name) switch
        {
            null => null,
            "float32" or "torch.float32" => TensorType.Float32,
            "float16" or "torch.float16" => TensorType.Float16,
            "bfloat16" or "torch.bfloat16" => TensorType.BFloat16,
            var other => throw fields.Error(name, "float32, float16 or bfloat16", StrictJson.OneLine($"\"{other}\"")),
        };
    }

    private static string TorchName(TensorType type) => type switch
    {
        TensorType.Float32 => "float32",
        TensorType.Float16 => "float16",
        _ => "bfloat16",
    };

    private static void WriteId(Utf8JsonWriter json, string name, int? id)
    {
        if (id is { } value)
        {
            json.WriteNumber(name, value);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static void WriteEndOfText(Utf8JsonWriter json, ImmutableArray<int> ids)
    {
        if (ids.Length < 2)
        {
            WriteId(json, "eos_token_id", ids.IsEmpty ? null : ids[0]);
            return;
        }

        json.WriteStartArray("eos_token_id");
        foreach (int id in ids)
        {
            json.WriteNumberValue(id);
        }

        json.WriteEndArray();
    }
}
