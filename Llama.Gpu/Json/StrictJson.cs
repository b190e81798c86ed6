using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Unicode;

namespace Llama.Gpu.Json;

/// <summary>The error for a file that cannot be used: each area of the library has its own type of it.</summary>
/// <param name="problem">What was expected and what was found.</param>
/// <param name="subject">Where in the file, when that is known.</param>
/// <param name="inner">The error underneath, when there is one.</param>
internal delegate LlamaException JsonError(string problem, string? subject, Exception? inner);

/// <summary>
/// JSON as checkpoints and tokenizers hold it, read without mercy: UTF-8 throughout, one object, no key twice, no half surrogate pair.
/// Where readers disagree about a file (which of two equal keys counts?), the file is refused.
/// </summary>
internal static class StrictJson
{
    private const int LongestQuote = 80;

    /// <summary>Parses a file's content into an object.</summary>
    /// <param name="json">All of the file.</param>
    /// <param name="error">Makes the exception for content that is not a single JSON object, or has a key twice.</param>
    public static JsonDocument ParseObject(ReadOnlySpan<byte> json, JsonError error)
    {
        if (json.IsEmpty)
        {
            throw error("expected a JSON object, found nothing", null, null);
        }

        if (json.StartsWith("\uFEFF"u8))
        {
            throw error("expected JSON in UTF-8 without a byte order mark, found one", null, null);
        }

        if (!Utf8.IsValid(json))
        {
            throw error("expected JSON in UTF-8, found bytes that are not UTF-8", null, null);
        }

        JsonDocument? document = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            document = JsonDocument.ParseValue(ref reader);
            if (reader.Read())
            {
                throw error("expected one JSON object, found more after it", null, null);
            }

            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw error($"expected a JSON object, found {Quote(document.RootElement)}", null, null);
            }

            return FindFault(document.RootElement) is { } fault
                ? throw error(fault.Problem, fault.Path.Length == 0 ? null : OneLine(fault.Path), null)
                : document;
        }
        catch (JsonException exception)
        {
            document?.Dispose();
            throw error($"not valid JSON: {OneLine(exception.Message)}", null, exception);
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

    private static Fault? FindFault(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var names = new HashSet<string>(element.GetPropertyCount(), StringComparer.Ordinal);
                foreach (var property in element.EnumerateObject())
                {
                    if (!IsText(JsonMarshal.GetRawUtf8PropertyName(property), property, static held => held.Name))
                    {
                        return Fault.HalfAPair;
                    }

                    if (!names.Add(property.Name))
                    {
                        return new Fault("expected each key once, found it twice", property.Name);
                    }

                    if (FindFault(property.Value) is { } inner)
                    {
                        return inner.Under(property.Name);
                    }
                }

                return null;
            case JsonValueKind.Array:
                int index = 0;
                foreach (var item in element.EnumerateArray())
                {
                    if (FindFault(item) is { } inner)
                    {
                        return inner.Under($"[{index}]");
                    }

                    index++;
                }

                return null;
            case JsonValueKind.String:
                return IsText(JsonMarshal.GetRawUtf8Value(element), element, static held => held.GetString()!) ? null : Fault.HalfAPair;
            default:
                return null;
        }
    }

    // an escaped half of a surrogate pair passes JsonDocument's parser and throws only when the string is asked for
    private static bool IsText<T>(ReadOnlySpan<byte> raw, T holder, Func<T, string> read)
    {
        if (!raw.Contains((byte)'\\'))
        {
            return true;
        }

        try
        {
            read(holder);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    // found deep inside, named on the way out: a path for each of a vocabulary's names would cost more than reading them
    private sealed record Fault(string Problem, string Path)
    {
        public static Fault HalfAPair { get; } = new("expected text, found half of a surrogate pair", "");

        public Fault Under(string parent) =>
            this with { Path = OneLine(Path.Length == 0 ? parent : Path[0] == '[' ? parent + Path : $"{parent}.{Path}") };
    }
}
