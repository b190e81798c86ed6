using System.Text;
using Llama.Gpu.Chat;
using Llama.Gpu.Generation;

namespace Llama.Gpu.Cli.Chatting;

/// <summary>Reads messages and commands, line by line, until the input ends.</summary>
internal sealed class ChatLoop(CliConsole console, ChatSession chat, GenerationOptions options, ChatOutput output)
{
    private const string Help =
        """
        /help          this list
        /system TEXT   what the system says; without TEXT, nothing
        /input TEXT    what the next message is to be applied to (Alpaca's input)
        /history       the conversation so far
        /undo          forgets the last question and its answer
        /retry         asks the last question again
        /clear         forgets the conversation
        /quit          ends it, as the end of the input does
        A line that ends with \ goes on with the next; // at the beginning of a message stands for one /.
        """;

    private string? _input;

    /// <summary>Runs to the end of the input or to <c>/quit</c>.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (await ReadAsync(cancellationToken).ConfigureAwait(false) is string line)
        {
            if (line.Trim() is "/quit" or "/exit")
            {
                return;
            }

            if (line.StartsWith('/') && !line.StartsWith("//", StringComparison.Ordinal))
            {
                await CommandAsync(line.Trim(), cancellationToken).ConfigureAwait(false);
            }
            else if (!string.IsNullOrWhiteSpace(line))
            {
                string text = line.StartsWith("//", StringComparison.Ordinal) ? line[1..] : line;
                await AskAsync(new Message(MessageRole.User, text) { Input = _input }, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task CommandAsync(string line, CancellationToken cancellationToken)
    {
        string[] parts = line.Split(' ', 2, StringSplitOptions.TrimEntries);
        string? argument = parts.Length > 1 && parts[1].Length > 0 ? parts[1] : null;
        switch (parts[0])
        {
            case "/help":
                console.Note(Help);
                break;
            case "/system":
                chat.SystemPrompt = argument;
                break;
            case "/input":
                _input = argument;
                break;
            case "/history":
                output.History(chat);
                break;
            case "/clear":
                chat.Clear();
                break;
            case "/undo":
                console.Note(chat.Undo() is { } forgotten ? $"forgotten: {forgotten.Text}" : "note: there is nothing to forget");
                break;
            case "/retry" when chat.Undo() is { } again:
                await AskAsync(again, cancellationToken).ConfigureAwait(false);
                break;
            case "/retry":
                console.Note("note: there is no question to ask again");
                break;
            default:
                console.Note($"note: expected a command that /help lists, found {parts[0]}");
                break;
        }
    }

    // what is wrong with one message is no reason to end the conversation
    private async Task AskAsync(Message question, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var piece in chat.SendAsync(question, options, cancellationToken).ConfigureAwait(false))
            {
                output.Piece(piece);
            }

            _input = null;
        }
        catch (Exception exception) when (exception is ChatException or Llama.Gpu.Model.ContextOverflowException)
        {
            output.Refused(exception.Message);
        }
        catch
        {
            output.Interrupted();
            throw;
        }
    }

    private async Task<string?> ReadAsync(CancellationToken cancellationToken)
    {
        var message = new StringBuilder();
        while (true)
        {
            output.Prompt(continued: message.Length > 0);

            // a console's reads cannot be cancelled: the one that waits is left behind
            string? line = await Task.Run(console.In.ReadLine, CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            if (line is null)
            {
                return message.Length > 0 ? message.ToString() : null;
            }

            if (!line.EndsWith('\\'))
            {
                return message.Append(line).ToString();
            }

            message.Append(line.AsSpan(0, line.Length - 1)).Append('\n');
        }
    }
}
