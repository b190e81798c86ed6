namespace Llama.Gpu.Tokenization;

/// <summary>GPT-2's pattern, which a byte-level pre-tokenizer uses unless told otherwise.</summary>
internal sealed class Gpt2Scanner : PieceScanner
{
    /// <summary>As GPT-2 writes it.</summary>
    public const string Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <inheritdoc/>
    public override int EndOfPiece(ReadOnlySpan<byte> text, int start)
    {
        if (text[start] == '\'' && EndOfContraction(text, start, ignoreCase: false) is int contraction && contraction > start)
        {
            return contraction;
        }

        int first = text[start] == ' ' && start + 1 < text.Length ? start + 1 : start;
        RuneKind kind = RuneKinds.At(text, first, out int next);
        return kind is RuneKind.Space or RuneKind.LineEnd ? EndOfWhiteSpace(text, start) : RuneKinds.EndOfRun(text, next, kind);
    }
}
