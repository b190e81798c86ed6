namespace Llama.Gpu.Tokenization;

/// <summary>Hugging Face's <c>Digits</c> pre-tokenizer: numbers (<c>\p{N}</c>) apart from all else.</summary>
/// <param name="individually">Whether each is a piece, rather than each run of them.</param>
internal sealed class DigitScanner(bool individually) : PieceScanner
{
    /// <inheritdoc/>
    public override int EndOfPiece(ReadOnlySpan<byte> text, int start)
    {
        bool number = RuneKinds.At(text, start, out int at) == RuneKind.Number;
        if (number && individually)
        {
            return at;
        }

        while (at < text.Length && RuneKinds.At(text, at, out int next) == RuneKind.Number == number)
        {
            at = next;
        }

        return at;
    }
}
