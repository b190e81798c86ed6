using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli.Output;

/// <summary>What a token stands for, as text that loses nothing.</summary>
internal static class TokenText
{
    /// <summary>Quotes a text for people: letters of every script as they are.</summary>
    public static JsonSerializerOptions Readable { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// The token's text; a byte that belongs to no whole character is written <c>&lt;0xNN&gt;</c>, as SentencePiece names it.
    /// </summary>
    public static string Of(ITokenizer tokenizer, int id)
    {
        var bytes = tokenizer.TokenBytes(id).Span;
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            bool whole = Rune.DecodeFromUtf8(bytes, out var rune, out int length) == OperationStatus.Done;
            if (whole)
            {
                text.Append(rune.ToString());
            }
            else
            {
                foreach (byte b in bytes[..length])
                {
                    text.Append(CultureInfo.InvariantCulture, $"<0x{b:X2}>");
                }
            }

            bytes = bytes[length..];
        }

        return text.ToString();
    }
}
