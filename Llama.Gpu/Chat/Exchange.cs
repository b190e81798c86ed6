namespace Llama.Gpu.Chat;

/// <summary>A user's message and the answer to it, for formats that know only such pairs.</summary>
/// <param name="User">What the user says.</param>
/// <param name="Answer">What the model answered; null behind the last.</param>
internal sealed record Exchange(Message User, Message? Answer)
{
    /// <summary>
    /// A conversation as pairs. Messages of the system are put together, wherever they stand, and so are messages of one role that
    /// follow each other.
    /// </summary>
    /// <exception cref="ChatException">The model speaks first.</exception>
    public static (string? System, List<Exchange> Exchanges) Pair(IReadOnlyList<Message> messages)
    {
        string? system = null;
        var joined = new List<Message>();
        foreach (var message in messages)
        {
            if (message.Role == MessageRole.System)
            {
                system = system is null ? message.WholeText : $"{system}\n\n{message.WholeText}";
            }
            else if (joined.Count > 0 && joined[^1].Role == message.Role)
            {
                joined[^1] = new Message(message.Role, $"{joined[^1].WholeText}\n\n{message.WholeText}");
            }
            else
            {
                joined.Add(message);
            }
        }

        if (joined[0].Role != MessageRole.User)
        {
            throw new ChatException("conversation: expected one that begins with a message of the user, found assistant");
        }

        return (system, [.. joined.Chunk(2).Select(pair => new Exchange(pair[0], pair.ElementAtOrDefault(1)))]);
    }
}
