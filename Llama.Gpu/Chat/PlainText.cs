using System.Text;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Chat;

/// <summary>Encodes text that others wrote: no id of it is a special token, whatever the tokenizer takes out of a text.</summary>
internal static class PlainText
{
    /// <summary>Encodes a text without any special token.</summary>
    /// <param name="tokenizer">Its special tokens are barred.</param>
    /// <param name="text">Any string.</param>
    /// <param name="marks">Further ids that are barred: marks of the format, should the tokenizer not call them special.</param>
    /// <exception cref="ChatException">The tokenizer has no other way to write the text.</exception>
    public static int[] Encode(ITokenizer tokenizer, string text, IReadOnlySet<int> marks)
    {
        int[] ids = tokenizer.Encode(text, addBeginOfText: false, parseSpecial: false);
        int found = Array.FindIndex(ids, id => tokenizer.IsSpecial(id) || marks.Contains(id));
        if (found < 0)
        {
            return ids;
        }

        // a tokenizer may find added tokens in every text: cut in two, the name of one is text again
        string name = Encoding.UTF8.GetString(tokenizer.TokenBytes(ids[found]).Span);
        int at = text.IndexOf(name, StringComparison.Ordinal);
        int cut = at >= 0 && name.Length > 0 ? at + (char.IsSurrogatePair(name, 0) ? 2 : 1) : 0;
        if (at < 0 || cut >= at + name.Length)
        {
            throw new ChatException($"expected text that can be written without special tokens, found what becomes '{name}' (id {ids[found]})");
        }

        return [.. Encode(tokenizer, text[..cut], marks), .. Encode(tokenizer, text[cut..], marks)];
    }
}
