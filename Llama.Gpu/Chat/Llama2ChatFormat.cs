using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Chat;

/// <summary>
/// Llama 2's chat: <c>[INST] question [/INST] answer</c>, each pair between the tokens that begin and end a text, the system's
/// message in a block within the first question. As Meta's <c>llama/generation.py</c> (chat_completion) writes it. The marks are
/// plain text to this model, so a question or a system's message that has one in it is refused, as it is there.
/// </summary>
public sealed class Llama2ChatFormat : ChatFormat
{
    private const string BeginInstruction = "[INST]";
    private const string EndInstruction = "[/INST]";
    private const string BeginSystem = "<<SYS>>";
    private const string EndSystem = "<</SYS>>";

    private readonly int? _endOfText;

    /// <param name="tokenizer">Any; where it has a token that ends a text, answers end with it.</param>
    public Llama2ChatFormat(ITokenizer tokenizer)
        : base("llama2", tokenizer, tokenizer.EndOfTextIds) => _endOfText = TextMarks.EndOfText(tokenizer);

    private protected override void Append(IReadOnlyList<Message> messages, List<int> ids)
    {
        var (system, exchanges) = Exchange.Pair(messages);
        foreach (var (user, answer) in exchanges)
        {
            string question = Checked(user.WholeText);
            if (system is not null)
            {
                question = $"{BeginSystem}\n{Checked(system)}\n{EndSystem}\n\n{question}";
                system = null;
            }

            question = $"{BeginInstruction} {question.Trim()} {EndInstruction}";
            ids.AddRange(Tokenizer.BeginOfTextId is int begin ? [begin] : []);
            if (answer is null)
            {
                ids.AddRange(EncodeText(question));
                continue;
            }

            ids.AddRange(answer.Ids.IsDefaultOrEmpty
                ? EncodeText($"{question} {answer.Text.Trim()} ")
                : [.. EncodeText(question), .. answer.Ids]);
            ids.AddRange(_endOfText is int end ? [end] : []);
        }
    }

    private static string Checked(string text)
    {
        foreach (string mark in new[] { BeginInstruction, EndInstruction, BeginSystem, EndSystem })
        {
            if (text.Contains(mark, StringComparison.Ordinal))
            {
                throw new ChatException($"Llama 2's prompt format: expected a message without its marks, found {mark}");
            }
        }

        return text;
    }
}
