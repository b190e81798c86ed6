using System.Globalization;
using Llama.Gpu.Chat;
using Llama.Gpu.Cli.Output;

namespace Llama.Gpu.Cli.Chatting;

/// <summary>How a conversation is shown.</summary>
internal abstract class ChatOutput(CliConsole console)
{
    protected CliConsole Console { get; } = console;

    /// <summary>Before the first message.</summary>
    public abstract void Begin(string format, int context, string device);

    /// <summary>Before a line is read.</summary>
    public abstract void Prompt(bool continued);

    /// <summary>A part of an answer.</summary>
    public abstract void Piece(ChatPiece piece);

    /// <summary>The conversation so far.</summary>
    public abstract void History(ChatSession chat);

    /// <summary>A message that there is no answer to.</summary>
    public virtual void Refused(string problem) => Console.Note($"error: {problem.ReplaceLineEndings(" ")}");

    /// <summary>An answer that ends in the midst.</summary>
    public virtual void Interrupted()
    {
    }
}

/// <summary>Answers as they come, each ended by a line's end; all else goes to standard error.</summary>
internal sealed class TextChatOutput(CliConsole console) : ChatOutput(console)
{
    private bool _within;

    public override void Begin(string format, int context, string device)
    {
        if (Console.Watched)
        {
            Console.Note($"[{format} prompt format, {context} positions, {device}; /help lists the commands]");
        }
    }

    public override void Prompt(bool continued)
    {
        if (Console.Watched)
        {
            Console.Error.Write(continued ? "... " : "> ");
            Console.Error.Flush();
        }
    }

    public override void Piece(ChatPiece piece)
    {
        Console.Out.Write(piece.Text);
        _within = piece.Turn is null;
        if (piece.Turn is not { } turn)
        {
            Console.Out.Flush();
            return;
        }

        Console.Out.Write('\n');
        Console.Out.Flush();
        if (turn.Dropped.Length > 0)
        {
            string first = turn.Dropped[0].Text.ReplaceLineEndings(" ");
            Console.Note($"note: the context is full; the model no longer sees {turn.Dropped.Length} messages, from '{first}' on");
        }

        var generation = turn.Generation;
        string speed = generation.DecodeTokensPerSecond is double tokens
            ? string.Create(CultureInfo.InvariantCulture, $" at {tokens:0.0} a second")
            : string.Empty;
        Console.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"[{generation.PromptIds.Length} prompt tokens, {generation.ReusedTokens} of them from before; "
            + $"{generation.Ids.Length} tokens{speed}; {GenerationNames.Of(generation.StopReason)}]"));
    }

    public override void History(ChatSession chat)
    {
        if (chat.SystemPrompt is string system)
        {
            Console.Note($"system: {system}");
        }

        foreach (var (i, message) in chat.Messages.Index())
        {
            string unseen = i < chat.DroppedMessages ? " (no longer seen)" : string.Empty;
            Console.Note($"{GenerationNames.Of(message.Role)}{unseen}: {message.Text}");
        }
    }

    public override void Interrupted()
    {
        if (_within)
        {
            Console.Out.Write('\n');
            Console.Out.Flush();
        }
    }
}

/// <summary>A JSON object a turn.</summary>
internal sealed class JsonChatOutput(CliConsole console) : ChatOutput(console)
{
    private string? _format;
    private string? _device;

    public override void Begin(string format, int context, string device)
    {
        _format = format;
        _device = device;
    }

    public override void Prompt(bool continued)
    {
    }

    public override void Piece(ChatPiece piece)
    {
        if (piece.Turn is not { } turn)
        {
            return;
        }

        JsonLine.Write(Console.Out, json =>
        {
            json.WriteString("question", turn.Question.Text);
            json.WriteString("text", turn.Answer.Text);
            json.WriteNumbers("ids", turn.Generation.Ids);
            json.WriteNumbers("prompt_ids", turn.Generation.PromptIds);
            json.WriteNumber("reused_tokens", turn.Generation.ReusedTokens);
            json.WriteNumber("dropped_messages", turn.Dropped.Length);
            json.WriteString("stop_reason", GenerationNames.Of(turn.Generation.StopReason));
            json.WriteNumber("seed", turn.Generation.Seed);
            json.WriteNumberOrNull("prefill_tokens_per_second", turn.Generation.PrefillTokensPerSecond);
            json.WriteNumberOrNull("decode_tokens_per_second", turn.Generation.DecodeTokensPerSecond);
            json.WriteString("format", _format);
            json.WriteString("device", _device);
        });
    }

    public override void History(ChatSession chat)
    {
        foreach (var (i, message) in chat.Messages.Index())
        {
            JsonLine.Write(Console.Out, json =>
            {
                json.WriteString("role", GenerationNames.Of(message.Role));
                json.WriteString("text", message.Text);
                json.WriteBoolean("seen", i >= chat.DroppedMessages);
            });
        }
    }
}
