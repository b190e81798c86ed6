using System.Collections.Immutable;

namespace Llama.Gpu.Chat;

/// <summary>Who says a message.</summary>
public enum MessageRole
{
    /// <summary>Whoever sets the rules of the conversation.</summary>
    System,

    /// <summary>Whoever asks.</summary>
    User,

    /// <summary>The model.</summary>
    Assistant,
}

/// <summary>A message of a conversation.</summary>
/// <param name="Role">Who says it.</param>
/// <param name="Text">What is said. Plain text: marks written in it stay text.</param>
public sealed record Message(MessageRole Role, string Text)
{
    /// <summary>What a user's message is to be applied to, if it has a part of its own: Alpaca's input. Other formats put it behind the text.</summary>
    public string? Input { get; init; }

    /// <summary>
    /// An answer's ids as they were generated, without the token that ended it; they then stand in the prompt as they are, so that
    /// what a KV cache holds of them is of use. Empty where they are not known: the text is encoded then.
    /// </summary>
    public ImmutableArray<int> Ids { get; init; } = [];

    /// <summary>The text, and the input behind it where there is one.</summary>
    internal string WholeText => string.IsNullOrEmpty(Input) ? Text : $"{Text}\n\n{Input}";
}
