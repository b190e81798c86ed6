using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>
/// Decodes tokens as they come. A character whose bytes span tokens is held back until it is whole, so that what is printed
/// is never broken; bytes that cannot become UTF-8 any more are U+FFFD at once. All pieces together are
/// <see cref="ITokenizer.Decode"/> of all tokens. Not for use by two threads at once.
/// </summary>
/// <param name="tokenizer">What the tokens are of.</param>
/// <param name="skipSpecial">Whether special tokens are left out, rather than written by name.</param>
public sealed class IncrementalDecoder(ITokenizer tokenizer, bool skipSpecial = true)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>Takes one more token.</summary>
    /// <returns>The text that is complete with it; often empty.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such token.</exception>
    public string Append(int id) =>
        tokenizer.IsSpecial(id) && skipSpecial ? "" : Convert(tokenizer.TokenBytes(id).Span, flush: false);

    /// <summary>Ends the text: what was held back becomes U+FFFD. Another text may begin then.</summary>
    public string Flush() => Convert([], flush: true);

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        char[] text = new char[_decoder.GetCharCount(bytes, flush)];
        return new string(text, 0, _decoder.GetChars(bytes, text, flush));
    }
}
