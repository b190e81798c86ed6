using System.Globalization;
using System.Text.Json;
using Llama.Gpu.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>The fields of one JSON object, read by name, type and range; what does not fit is an error that names the field.</summary>
internal readonly struct JsonFields(JsonElement element, string file, string path = "")
{
    /// <summary>Path of the file the object stands in.</summary>
    public string File => file;

    /// <summary>Parses a file's content into an object.</summary>
    /// <exception cref="CheckpointException">Not a single JSON object, or one with a key twice.</exception>
    public static JsonDocument Parse(ReadOnlySpan<byte> json, string file) =>
        StrictJson.ParseObject(json, (problem, subject, inner) => new CheckpointException(file, problem, subject, inner));

    /// <summary>A field's value, or null where it is absent or null.</summary>
    public JsonElement? Value(string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>An object within this one, or null where it is absent or null.</summary>
    public JsonFields? Object(string name)
    {
        if (Value(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Object
            ? new JsonFields(value, file, $"{path}{name}.")
            : throw Error(name, "an object", value);
    }

    /// <summary>A whole number that must be there.</summary>
    public int Int32(string name, int minimum, int maximum) =>
        OptionalInt32(name, minimum, maximum) ?? throw Missing(name, WholeNumber(minimum, maximum));

    /// <summary>A whole number, or null where it is absent or null.</summary>
    public int? OptionalInt32(string name, int minimum, int maximum) =>
        Value(name) is { } value ? ToInt32(name, value, minimum, maximum) : null;

    /// <summary>A value of this object as a whole number.</summary>
    public int ToInt32(string name, JsonElement value, int minimum, int maximum)
    {
        // 4096.0 and 1e3 are no integers to Python's json either
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= minimum && number <= maximum)
        {
            return number;
        }

        throw Error(name, WholeNumber(minimum, maximum), value);
    }

    /// <summary>A finite number above one bound and at most another, or null where it is absent or null.</summary>
    public double? OptionalDouble(string name, double above, double atMost)
    {
        if (Value(name) is not { } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number > above && number <= atMost)
        {
            return number;
        }

        throw Error(name, Number(above, atMost), value);
    }

    /// <summary>A finite number above one bound and at most another that must be there.</summary>
    public double Double(string name, double above, double atMost) =>
        OptionalDouble(name, above, atMost) ?? throw Missing(name, Number(above, atMost));

    /// <summary>True or false, or a default where the field is absent.</summary>
    public bool Boolean(string name, bool absent)
    {
        if (!element.TryGetProperty(name, out var value))
        {
            return absent;
        }

        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Error(name, "true or false", value),
        };
    }

    /// <summary>A text, or null where it is absent or null.</summary>
    public string? OptionalText(string name)
    {
        if (Value(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw Error(name, "a string", value);
    }

    /// <summary>The error for a field whose value does not fit.</summary>
    public CheckpointException Error(string name, string expected, JsonElement found) =>
        Error(name, expected, StrictJson.Quote(found));

    /// <summary>The error for a field whose value does not fit.</summary>
    public CheckpointException Error(string name, string expected, string found) =>
        new(file, $"expected {expected}, found {found}", path + name);

    /// <summary>The error for a field that is not there.</summary>
    public CheckpointException Missing(string name, string expected) => Error(name, expected, "none");

    private static string WholeNumber(int minimum, int maximum) =>
        string.Create(CultureInfo.InvariantCulture, $"a whole number from {minimum} to {maximum}");

    private static string Number(double above, double atMost) =>
        string.Create(CultureInfo.InvariantCulture, $"a number above {above} and at most {atMost}");
}
