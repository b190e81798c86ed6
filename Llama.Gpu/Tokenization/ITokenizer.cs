namespace Llama.Gpu.Tokenization;

/// <summary>Text to token ids and back. Immutable: safe for use by several threads.</summary>
public interface ITokenizer
{
    /// <summary>One more than the largest id.</summary>
    int VocabularySize { get; }

    /// <summary>The token a text begins with, if there is one.</summary>
    int? BeginOfTextId { get; }

    /// <summary>The tokens that end a text or a turn (<c>&lt;|end_of_text|&gt;</c>, <c>&lt;|eot_id|&gt;</c>, ...), ascending.</summary>
    IReadOnlyList<int> EndOfTextIds { get; }

    /// <summary>
    /// Whether encoding puts a space before a text, and again behind a special token, as SentencePiece does; <see cref="Decode"/>
    /// takes it away there. <see cref="TokenBytes"/> has it.
    /// </summary>
    bool AddsSpacePrefix => false;

    /// <summary>Encodes a text.</summary>
    /// <param name="text">Any string; a lone surrogate counts as U+FFFD.</param>
    /// <param name="addBeginOfText">Whether to begin with <see cref="BeginOfTextId"/>, where there is one.</param>
    /// <param name="parseSpecial">Whether special tokens written in the text are read as such; else they are plain text.</param>
    int[] Encode(string text, bool addBeginOfText = true, bool parseSpecial = false);

    /// <summary>The bytes a token stands for: UTF-8, possibly a part of a character; a special token's are its name.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such token.</exception>
    ReadOnlyMemory<byte> TokenBytes(int id);

    /// <summary>Whether a token is special: not text, but a mark such as beginning of text.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such token.</exception>
    bool IsSpecial(int id);

    /// <summary>Decodes ids to text; bytes that are no UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecial">Whether special tokens are left out, rather than written by name.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id without a token.</exception>
    string Decode(ReadOnlySpan<int> ids, bool skipSpecial = true);
}
