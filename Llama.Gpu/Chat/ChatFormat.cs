using System.Collections.Immutable;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Chat;

/// <summary>
/// How a conversation is written as the prompt of a model: its answer begins behind the last id. Messages are encoded as plain text:
/// whatever they say, no special token comes of it; the marks between them are put there as ids. Immutable.
/// </summary>
public abstract class ChatFormat
{
    private readonly HashSet<int> _marks;

    private protected ChatFormat(string name, ITokenizer tokenizer, IEnumerable<int> stopTokens, params int?[] marks)
    {
        Name = name;
        Tokenizer = tokenizer;
        StopTokens = [.. stopTokens];
        _marks = [.. StopTokens, .. marks.OfType<int>()];
    }

    /// <summary>Its name on the command line: <c>llama3</c>, <c>llama2</c>, <c>alpaca</c> or <c>plain</c>.</summary>
    public string Name { get; }

    /// <summary>What encodes the messages.</summary>
    public ITokenizer Tokenizer { get; }

    /// <summary>Tokens that end an answer, beside those that end every text.</summary>
    public ImmutableArray<int> StopTokens { get; }

    /// <summary>Texts that end an answer, where a format has no token for it.</summary>
    public virtual ImmutableArray<string> StopStrings => [];

    /// <summary>Whether an answer is a text of its own, rather than going on from the prompt: <see cref="Generation.GenerationOptions.StandsAlone"/>.</summary>
    public virtual bool AnswersStandAlone => true;

    /// <summary>The ids of a conversation, up to where the answer to its last message begins.</summary>
    /// <param name="messages">At least one; the last is the user's.</param>
    /// <exception cref="ChatException">No message, an order of roles or a text that the format cannot express.</exception>
    public int[] Encode(IReadOnlyList<Message> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        if (messages.Count == 0 || messages[^1].Role != MessageRole.User)
        {
            string found = messages.Count == 0 ? "no message" : messages[^1].Role.ToString().ToLowerInvariant();
            throw new ChatException($"conversation: expected one that ends with a message of the user, found {found}");
        }

        var ids = new List<int>();
        Append(messages, ids);
        return [.. ids];
    }

    /// <summary>Appends the ids of a conversation that ends with the user's message.</summary>
    private protected abstract void Append(IReadOnlyList<Message> messages, List<int> ids);

    /// <summary>Encodes what others wrote: without special tokens and marks.</summary>
    private protected int[] EncodeText(string text) => PlainText.Encode(Tokenizer, text, _marks);

    /// <summary>The id of a special token, or null where the tokenizer has none of that name.</summary>
    internal static int? FindSpecial(ITokenizer tokenizer, string name) =>
        tokenizer.Encode(name, addBeginOfText: false, parseSpecial: true) is [int id] && tokenizer.IsSpecial(id) ? id : null;
}
