using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Llama.Gpu.Cli.Input;

/// <summary>
/// A JSON string on a line of its own. System.Text.Json refuses escapes of lone surrogates; a tokenizer has an answer to them, so
/// they are let through here.
/// </summary>
internal static class JsonText
{
    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <param name="number">Its number, from 1, for the error.</param>
    /// <exception cref="InputException">Not a JSON string.</exception>
    public static string Parse(string line, int number)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var kind = document.RootElement.ValueKind;
            return kind == JsonValueKind.String
                ? Unescape(document.RootElement.GetRawText())
                : throw new InputException(
                    $"standard input, line {number}: expected a JSON string, found {kind.ToString().ToLowerInvariant()}");
        }
        catch (JsonException exception)
        {
            throw new InputException($"standard input, line {number}: expected a JSON string, found none", exception);
        }
    }

    // the parser has checked every escape
    private static string Unescape(string quoted)
    {
        var text = new StringBuilder(quoted.Length);
        for (int i = 1; i < quoted.Length - 1; i++)
        {
            if (quoted[i] != '\\')
            {
                text.Append(quoted[i]);
                continue;
            }

            i++;
            if (quoted[i] == 'u')
            {
                text.Append((char)ushort.Parse(quoted.AsSpan(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                i += 4;
            }
            else
            {
                text.Append(quoted[i] switch { 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', var other => other });
            }
        }

        return text.ToString();
    }
}

/// <summary>Input that cannot be read: the message names the line, what was expected and what was found.</summary>
internal sealed class InputException(string message, Exception? inner = null) : LlamaException(message, inner);
