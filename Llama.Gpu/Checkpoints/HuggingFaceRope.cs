using System.Globalization;
using System.Text.Json;
using Llama.Gpu.Json;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// The rotary embedding's part of a <c>config.json</c>: <c>rope_theta</c> and <c>rope_scaling</c> as transformers 4 writes
/// them, or the <c>rope_parameters</c> object of transformers 5 that holds both.
/// </summary>
internal static class HuggingFaceRope
{
    private const double DefaultTheta = 10000.0;
    private const double LargestTheta = 1e15;
    private const double LargestFactor = 1e6;

    /// <summary>Reads the base of the frequencies and their scaling.</summary>
    /// <exception cref="CheckpointException">A field out of range, a type that is not supported, or two places that disagree.</exception>
    public static (double Theta, RopeScaling? Scaling) Parse(JsonFields config)
    {
        CheckWholeHeadTurns(config);
        double? theta = Theta(config);
        RopeScaling? scaling = null;
        string? scalingFrom = null;

        foreach (string name in (ReadOnlySpan<string>)["rope_scaling", "rope_parameters"])
        {
            if (config.Object(name) is not { } rope)
            {
                continue;
            }

            CheckWholeHeadTurns(rope);
            if (Theta(rope) is { } inner)
            {
                if (theta is { } outer && outer != inner)
                {
                    throw config.Error("rope_theta", $"the same value as in {name} ({inner:R})", $"{outer:R}");
                }

                theta = inner;
            }

            var found = Scaling(rope, typeRequired: name == "rope_scaling");
            if (scalingFrom is not null && scaling != found)
            {
                throw config.Error(name, $"the same scaling as in {scalingFrom}", "another");
            }

            (scaling, scalingFrom) = (found, name);
        }

        return (theta ?? DefaultTheta, scaling);
    }

    /// <summary>Writes the fields in the form of transformers 4, which both versions read.</summary>
    public static void Write(Utf8JsonWriter json, LlamaConfig config)
    {
        switch (config.RopeScaling)
        {
            case null:
                json.WriteNull("rope_scaling");
                break;
            case LinearRopeScaling linear:
                json.WriteStartObject("rope_scaling");
                WriteFloat(json, "factor", linear.Factor);
                json.WriteString("rope_type", "linear");
                json.WriteEndObject();
                break;
            case Llama3RopeScaling llama3:
                json.WriteStartObject("rope_scaling");
                WriteFloat(json, "factor", llama3.Factor);
                WriteFloat(json, "high_freq_factor", llama3.HighFrequencyFactor);
                WriteFloat(json, "low_freq_factor", llama3.LowFrequencyFactor);
                json.WriteNumber("original_max_position_embeddings", llama3.OriginalMaxPositions);
                json.WriteString("rope_type", "llama3");
                json.WriteEndObject();
                break;
            default:
                throw new ArgumentException($"{config.RopeScaling.GetType().Name} has no form in config.json", nameof(config));
        }

        WriteFloat(json, "rope_theta", config.RopeTheta);
    }

    // "8" would be an int to Python, and some versions of transformers insist on a float
    private static void WriteFloat(Utf8JsonWriter json, string name, double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        json.WritePropertyName(name);
        json.WriteRawValue(text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0");
    }

    private static double? Theta(JsonFields fields) => fields.OptionalDouble("rope_theta", above: 0, LargestTheta);

    private static void CheckWholeHeadTurns(JsonFields fields)
    {
        const string Name = "partial_rotary_factor";
        if (fields.OptionalDouble(Name, above: 0, atMost: 1) is { } share && share != 1)
        {
            throw fields.Error(Name, "1 (RoPE over part of a head is not supported)", fields.Value(Name)!.Value);
        }
    }

    private static RopeScaling? Scaling(JsonFields rope, bool typeRequired)
    {
        // "type" is what configs wrote before Llama 3.1; where both stand, transformers reads the newer
        string name = rope.Value("rope_type") is null && rope.Value("type") is not null ? "type" : "rope_type";
        string? type = rope.OptionalText(name);
        return type switch
        {
            null when typeRequired => throw rope.Missing(name, "linear, llama3 or default"),
            null or "default" => null,
            "linear" => new LinearRopeScaling(Factor(rope)),
            "llama3" => Llama3(rope),
            _ => throw rope.Error(name, "linear, llama3 or default (no other RoPE type is supported)", StrictJson.OneLine($"\"{type}\"")),
        };
    }

    private static double Factor(JsonFields rope)
    {
        double factor = rope.Double("factor", above: 0, LargestFactor);
        return factor >= 1 ? factor : throw rope.Error("factor", "a number from 1", rope.Value("factor")!.Value);
    }

    private static Llama3RopeScaling Llama3(JsonFields rope)
    {
        double low = rope.Double("low_freq_factor", above: 0, LargestFactor);
        double high = rope.Double("high_freq_factor", above: 0, LargestFactor);
        if (high <= low)
        {
            throw rope.Error("high_freq_factor", $"a number above low_freq_factor ({low:R})", $"{high:R}");
        }

        int original = rope.Int32("original_max_position_embeddings", 1, HuggingFaceConfig.MostPositions);
        return new Llama3RopeScaling(Factor(rope), low, high, original);
    }
}
