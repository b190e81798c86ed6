using System.Collections.Immutable;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Chat;

/// <summary>
/// Stanford Alpaca's instructions, with and without input, as its <c>train.py</c> (PROMPT_DICT) writes them. Alpaca knows single
/// instructions; further ones of a conversation follow with the same headings. A message of the system takes the place of the
/// introduction. The headings are plain text to the model: nothing keeps a user from writing them.
/// </summary>
public sealed class AlpacaChatFormat : ChatFormat
{
    private const string Instruction = "### Instruction:\n";
    private const string Input = "\n\n### Input:\n";
    private const string Response = "\n\n### Response:";

    private const string IntroductionWithoutInput =
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.";

    private const string IntroductionWithInput =
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        + "Write a response that appropriately completes the request.";

    private readonly int? _endOfText;

    /// <param name="tokenizer">Any; where it has a token that ends a text, answers end with it.</param>
    public AlpacaChatFormat(ITokenizer tokenizer)
        : base("alpaca", tokenizer, tokenizer.EndOfTextIds) => _endOfText = TextMarks.EndOfText(tokenizer);

    /// <inheritdoc/>
    public override ImmutableArray<string> StopStrings => ["### Instruction:"];

    private protected override void Append(IReadOnlyList<Message> messages, List<int> ids)
    {
        var (system, exchanges) = Exchange.Pair(messages);
        ids.AddRange(Tokenizer.BeginOfTextId is int begin ? [begin] : []);
        string introduction = system ?? (string.IsNullOrEmpty(exchanges[0].User.Input) ? IntroductionWithoutInput : IntroductionWithInput);
        foreach (var (user, answer) in exchanges)
        {
            string input = string.IsNullOrEmpty(user.Input) ? string.Empty : Input + user.Input;
            string question = $"{introduction}\n\n{Instruction}{user.Text}{input}{Response}";
            introduction = string.Empty;
            if (answer is null)
            {
                ids.AddRange(EncodeText(question));
                continue;
            }

            ids.AddRange(answer.Ids.IsDefaultOrEmpty ? EncodeText(question + answer.Text) : [.. EncodeText(question), .. answer.Ids]);
            ids.AddRange(_endOfText is int end ? [end] : []);
        }
    }
}
