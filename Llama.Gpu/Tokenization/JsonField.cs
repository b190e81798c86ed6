using System.Text.Json;
using Llama.Gpu.Json;

namespace Llama.Gpu.Tokenization;

/// <summary>A value in a JSON file together with where it stands, so that every wrong type or missing field has an address.</summary>
internal readonly struct JsonField
{
    private readonly JsonElement _value;
    private readonly string _file;
    private readonly string _parent;
    private readonly string? _name; // in an object
    private readonly int _index; // in an array

    private JsonField(JsonElement value, string file, string parent, string? name, int index)
    {
        _value = value;
        _file = file;
        _parent = parent;
        _name = name;
        _index = index;
    }

    /// <summary>Where it stands, such as <c>model.merges[17]</c>; empty for the whole file.</summary>
    public string Path => _name is null ? _index < 0 ? "" : $"{_parent}[{_index}]" : _parent.Length == 0 ? _name : $"{_parent}.{_name}";

    /// <summary>Number of items of an array or of members of an object, 0 for all else.</summary>
    public int Count => _value.ValueKind switch
    {
        JsonValueKind.Array => _value.GetArrayLength(),
        JsonValueKind.Object => _value.GetPropertyCount(),
        _ => 0,
    };

    /// <summary>Parses a file and hands its root object to a reader.</summary>
    /// <exception cref="TokenizerException">It is no JSON object, or has a key twice, or is too deep.</exception>
    public static T Read<T>(ReadOnlySpan<byte> data, string file, Func<JsonField, T> read)
    {
        using var document = StrictJson.ParseObject(
            data, (problem, subject, inner) => new TokenizerException(file, problem, subject, inner));
        return read(new JsonField(document.RootElement, file, "", null, -1));
    }

    /// <summary>Whether it is an object.</summary>
    public bool IsObject => _value.ValueKind == JsonValueKind.Object;

    /// <summary>Whether it is an array.</summary>
    public bool IsArray => _value.ValueKind == JsonValueKind.Array;

    /// <summary>Whether it is a string.</summary>
    public bool IsString => _value.ValueKind == JsonValueKind.String;

    /// <summary>A member of this object, or null where it is absent or <c>null</c>.</summary>
    public JsonField? Optional(string name)
    {
        if (!IsObject)
        {
            throw Expected("an object");
        }

        return _value.TryGetProperty(name, out JsonElement member) && member.ValueKind != JsonValueKind.Null
            ? new JsonField(member, _file, Path, name, -1)
            : null;
    }

    /// <summary>A member of this object.</summary>
    /// <exception cref="TokenizerException">It is absent or <c>null</c>.</exception>
    public JsonField Required(string name) => Optional(name) ?? throw Error($"the field \"{name}\" is missing");

    /// <summary>Every member of this object.</summary>
    public IEnumerable<(string Name, JsonField Value)> Members()
    {
        if (!IsObject)
        {
            throw Expected("an object");
        }

        string path = Path;
        foreach (JsonProperty member in _value.EnumerateObject())
        {
            string name = member.Name;
            yield return (name, new JsonField(member.Value, _file, path, name, -1));
        }
    }

    /// <summary>Every item of this array.</summary>
    public IEnumerable<JsonField> Items()
    {
        if (!IsArray)
        {
            throw Expected("an array");
        }

        string path = Path;
        int index = 0;
        foreach (JsonElement item in _value.EnumerateArray())
        {
            yield return new JsonField(item, _file, path, null, index++);
        }
    }

    /// <summary>The string this is.</summary>
    public string Text() => IsString ? _value.GetString()! : throw Expected("a string");

    /// <summary>The number this is.</summary>
    public int Integer() =>
        _value.ValueKind == JsonValueKind.Number && _value.TryGetInt32(out int number) ? number : throw Expected("a 32-bit integer");

    /// <summary>The truth value this is.</summary>
    public bool Flag() => _value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Expected("true or false"),
    };

    /// <summary>Whether this is the number 0.</summary>
    public bool IsZero() => _value.ValueKind == JsonValueKind.Number && _value.TryGetDouble(out double number) && number == 0;

    /// <summary>An error at this place.</summary>
    public TokenizerException Error(string problem) => new(_file, problem, Path.Length == 0 ? null : Path);

    private TokenizerException Expected(string what)
    {
        string found = _value.ValueKind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "an array",
            _ => StrictJson.Quote(_value),
        };
        return Error($"expected {what}, found {found}");
    }
}
