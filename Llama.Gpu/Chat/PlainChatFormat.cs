using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Chat;

/// <summary>Plain completion, for models that know no conversations: the messages' texts one behind the other, with nothing between.</summary>
/// <param name="tokenizer">Any.</param>
public sealed class PlainChatFormat(ITokenizer tokenizer) : ChatFormat("plain", tokenizer, tokenizer.EndOfTextIds)
{
    /// <inheritdoc/>
    public override bool AnswersStandAlone => false;

    private protected override void Append(IReadOnlyList<Message> messages, List<int> ids)
    {
        ids.AddRange(Tokenizer.BeginOfTextId is int begin ? [begin] : []);
        foreach (var message in messages)
        {
            ids.AddRange(message.Ids.IsDefaultOrEmpty ? EncodeText(message.WholeText) : message.Ids);
        }
    }
}
