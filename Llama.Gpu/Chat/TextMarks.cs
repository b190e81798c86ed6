using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Chat;

/// <summary>The tokens that formats without marks of their own put around texts.</summary>
internal static class TextMarks
{
    /// <summary>The token that ends a text: <c>&lt;/s&gt;</c> or <c>&lt;|end_of_text|&gt;</c>, else the first that ends one.</summary>
    public static int? EndOfText(ITokenizer tokenizer) =>
        ChatFormat.FindSpecial(tokenizer, "</s>")
        ?? ChatFormat.FindSpecial(tokenizer, Llama3SpecialTokens.EndOfText)
        ?? (tokenizer.EndOfTextIds.Count > 0 ? tokenizer.EndOfTextIds[0] : null);
}
