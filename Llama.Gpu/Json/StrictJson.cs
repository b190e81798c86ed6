using System.Text.Json;
using System.Text.Unicode;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// JSON as checkpoints hold it, read without mercy: UTF-8 throughout, one object, no key twice, no half surrogate pair.
/// Where readers disagree about a file (which of two equal keys counts?), the file is refused.
/// </summary>
internal static class StrictJson
{
    private const int LongestQuote = 80;

    /// <summary>Parses a file's content into an object.</summary>
    /// <exception cref="CheckpointException">Not a single JSON object, or one with a key twice.</exception>
    public static JsonDocument ParseObject(ReadOnlySpan<byte> json, string file)
    {
        if (json.IsEmpty)
        {
            throw new CheckpointException(file, "expected a JSON object, found nothing");
        }

        if (json.StartsWith("\uFEFF"u8))
        {
            throw new CheckpointException(file, "expected JSON in UTF-8 without a byte order mark, found one");
        }

        if (!Utf8.IsValid(json))
        {
            throw new CheckpointException(file, "expected JSON in UTF-8, found bytes that are not UTF-8");
        }

        JsonDocument? document = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            document = JsonDocument.ParseValue(ref reader);
            if (reader.Read())
            {
                throw new CheckpointException(file, "expected one JSON object, found more after it");
            }

            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new CheckpointException(file, $"expected a JSON object, found {Quote(document.RootElement)}");
            }

            CheckNames(document.RootElement, file, path: "");
            return document;
        }
        catch (JsonException error)
        {
            document?.Dispose();
            throw new CheckpointException(file, $"not valid JSON: {OneLine(error.Message)}", inner: error);
        }
        catch
        {
            document?.Dispose();
            throw;
        }
    }

    /// <summary>A value as it stands in the file, on one line and cut to a length that fits into a message.</summary>
    public static string Quote(JsonElement value) => OneLine(value.GetRawText());

    /// <summary>A text from a file on one line, cut to a length that fits into a message.</summary>
    public static string OneLine(string text)
    {
        bool cut = text.Length > LongestQuote;
        string line = string.Create(cut ? LongestQuote : text.Length, text, static (target, source) =>
        {
            for (int i = 0; i < target.Length; i++)
            {
                target[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        });
        return cut ? line + "..." : line;
    }

    private static void CheckNames(JsonElement element, string file, string path)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var names = new HashSet<string>(StringComparer.Ordinal);
                foreach (var property in element.EnumerateObject())
                {
                    string name = Text(() => property.Name, file, path);
                    // cut at every step: a long name above many children must not be copied whole for each of them
                    string inner = OneLine(path.Length == 0 ? name : $"{path}.{name}");
                    if (!names.Add(name))
                    {
                        throw new CheckpointException(file, "expected each key once, found it twice", inner);
                    }

                    CheckNames(property.Value, file, inner);
                }

                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    CheckNames(item, file, path);
                }

                break;
            case JsonValueKind.String:
                Text(() => element.GetString()!, file, path);
                break;
        }
    }

    // an escaped half of a surrogate pair passes JsonDocument's parser and throws only when the string is asked for
    private static string Text(Func<string> read, string file, string path)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException error)
        {
            throw new CheckpointException(
                file, "expected text, found half of a surrogate pair", path.Length == 0 ? null : path, error);
        }
    }
}
