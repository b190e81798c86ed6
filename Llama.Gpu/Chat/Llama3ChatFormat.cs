using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Chat;

/// <summary>
/// Llama 3's chat: each message stands behind a header with its role and ends with <c>&lt;|eot_id|&gt;</c>. As Meta's
/// <c>llama/tokenizer.py</c> (class ChatFormat) writes it: texts are trimmed, roles may come in any order.
/// </summary>
public sealed class Llama3ChatFormat : ChatFormat
{
    private const string StartHeader = "<|start_header_id|>";
    private const string EndHeader = "<|end_header_id|>";

    private readonly int _startHeader;
    private readonly int _endHeader;
    private readonly int _endOfTurn;

    /// <param name="tokenizer">Has the tokens of Llama 3's headers.</param>
    /// <exception cref="ChatException">The tokenizer lacks one of them.</exception>
    public Llama3ChatFormat(ITokenizer tokenizer)
        : base(
            "llama3",
            tokenizer,
            [Find(tokenizer, Llama3SpecialTokens.EndOfTurn)],
            Find(tokenizer, StartHeader),
            Find(tokenizer, EndHeader))
    {
        _startHeader = Find(tokenizer, StartHeader);
        _endHeader = Find(tokenizer, EndHeader);
        _endOfTurn = Find(tokenizer, Llama3SpecialTokens.EndOfTurn);
    }

    /// <summary>Whether a tokenizer has the tokens that this format needs.</summary>
    public static bool Fits(ITokenizer tokenizer) =>
        new[] { StartHeader, EndHeader, Llama3SpecialTokens.EndOfTurn }.All(name => FindSpecial(tokenizer, name) is not null);

    private protected override void Append(IReadOnlyList<Message> messages, List<int> ids)
    {
        if (Tokenizer.BeginOfTextId is int begin)
        {
            ids.Add(begin);
        }

        foreach (var message in messages)
        {
            AppendHeader(message.Role, ids);
            ids.AddRange(message.Ids.IsDefaultOrEmpty ? EncodeText(message.WholeText.Trim()) : message.Ids);
            ids.Add(_endOfTurn);
        }

        AppendHeader(MessageRole.Assistant, ids);
    }

    private static int Find(ITokenizer tokenizer, string name) =>
        FindSpecial(tokenizer, name) ?? throw new ChatException($"Llama 3's prompt format: expected a tokenizer with {name}, found none");

    private void AppendHeader(MessageRole role, List<int> ids)
    {
        string name = role switch { MessageRole.System => "system", MessageRole.User => "user", _ => "assistant" };
        ids.Add(_startHeader);
        ids.AddRange(EncodeText(name));
        ids.Add(_endHeader);
        ids.AddRange(EncodeText("\n\n"));
    }
}
