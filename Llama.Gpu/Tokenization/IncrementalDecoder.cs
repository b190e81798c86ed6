using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>
/// Decodes tokens as they come. A character whose bytes span tokens is held back until it is whole, so that what is printed
/// is never broken; bytes that cannot become UTF-8 any more are U+FFFD at once. All pieces together are
/// <see cref="ITokenizer.Decode"/> of all tokens. Not for use by two threads at once.
/// </summary>
/// <param name="tokenizer">What the tokens are of.</param>
/// <param name="skipSpecial">Whether special tokens are left out, rather than written by name.</param>
/// <param name="continues">Whether the tokens go on from a text before them, so that a space before the first is a part of them.</param>
public sealed class IncrementalDecoder(ITokenizer tokenizer, bool skipSpecial = true, bool continues = false)
{
    private bool _prefix = tokenizer.AddsSpacePrefix && !continues; // whether a space that comes next was put there by encoding
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>Takes one more token.</summary>
    /// <returns>The text that is complete with it; often empty.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such token.</exception>
    public string Append(int id)
    {
        bool special = tokenizer.IsSpecial(id);
        var bytes = tokenizer.TokenBytes(id).Span;
        if (_prefix && bytes.StartsWith(" "u8))
        {
            bytes = bytes[1..];
        }

        _prefix = tokenizer.AddsSpacePrefix && special;
        return special && skipSpecial ? "" : Convert(bytes, flush: false);
    }

    /// <summary>Ends the text: what was held back becomes U+FFFD. Another text may begin then.</summary>
    public string Flush()
    {
        _prefix = tokenizer.AddsSpacePrefix;
        return Convert([], flush: true);
    }

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        char[] text = new char[_decoder.GetCharCount(bytes, flush)];
        return new string(text, 0, _decoder.GetChars(bytes, text, flush));
    }
}
