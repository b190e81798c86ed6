using System.CommandLine;
using Llama.Gpu.Chat;
using Llama.Gpu.Cli.Chatting;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Generation;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli.Commands;

/// <summary>A conversation with a model.</summary>
internal sealed class ChatCommand : Command
{
    private const int DefaultContext = 4096;
    private const int DefaultMaxTokens = 512;
    private const string ChosenFormat = "auto";

    private readonly CliConsole _console;
    private readonly IModelSource _models;
    private readonly Option<string> _model = CommonOptions.RequiredModel();
    private readonly DeviceOptions _device = new();
    private readonly SamplingArguments _sampling = new();

    private readonly Option<string?> _system = new("--system", "-s")
    {
        Description = "What the system says before all else.", HelpName = "TEXT",
    };

    private readonly Option<string> _format = new("--format", "-f")
    {
        Description = $"Prompt format: {ChosenFormat} (what the checkpoint asks for), {string.Join(", ", ChatFormats.Names)}.",
        HelpName = "NAME",
        DefaultValueFactory = _ => ChosenFormat,
    };

    private readonly Option<int> _maxTokens = CommonOptions.Number("--max-tokens", "N", "Most tokens of an answer.", DefaultMaxTokens, "-n");

    private readonly Option<int?> _context = CommonOptions.OptionalNumber<int>(
        "--context", "N", $"Positions of the KV cache; by default the model's, {DefaultContext} at most.", "-c");

    private readonly Option<string[]> _stop = new("--stop")
    {
        Description = "Text to end an answer before; may be given more than once.", HelpName = "TEXT", Arity = ArgumentArity.OneOrMore,
    };

    public ChatCommand(CliConsole console, IModelSource models)
        : base("chat", "A conversation: each line of standard input is a message, /help lists the commands.")
    {
        _console = console;
        _models = models;
        Add(_model);
        Add(_system);
        Add(_format);
        Add(_maxTokens);
        Add(_context);
        _sampling.AddTo(this);
        Add(_stop);
        _device.AddTo(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string directory = parsed.GetRequiredValue(_model);
        var options = GetOptions(parsed);
        var device = _device.Get(parsed);
        string format = GetFormat(parsed);
        var tokenizer = _models.FindTokenizer(directory)
            ?? throw new TokenizerException(directory, "chat needs a tokenizer.json or a tokenizer.model, found neither");
        var chosen = format == ChosenFormat ? ChatFormats.Choose(directory, tokenizer) : ChatFormats.Get(format, tokenizer);

        using var model = _models.Load(directory, device, cancellationToken);
        int context = parsed.GetValue(_context) ?? Math.Min(model.Config.MaxPositions, DefaultContext);
        if (context < 1 || context > model.Config.MaxPositions)
        {
            throw new UsageException($"--context: expected from 1 to the model's {model.Config.MaxPositions} positions, found {context}");
        }

        using var session = model.CreateSession(context);
        var chat = new ChatSession(session, chosen, model.Config.EndOfTextIds) { SystemPrompt = parsed.GetValue(_system) };
        ChatOutput output = parsed.GetValue(CommonOptions.Json) ? new JsonChatOutput(_console) : new TextChatOutput(_console);
        output.Begin(chosen.Name, context, model.Device);
        await new ChatLoop(_console, chat, options, output).RunAsync(cancellationToken).ConfigureAwait(false);
        return ExitCode.Success;
    }

    private string GetFormat(ParseResult parsed)
    {
        string format = parsed.GetRequiredValue(_format);
        return format == ChosenFormat || ChatFormats.Names.Contains(format)
            ? format
            : throw new UsageException($"--format: expected {ChosenFormat}, {string.Join(", ", ChatFormats.Names)}, found '{format}'");
    }

    private GenerationOptions GetOptions(ParseResult parsed)
    {
        int maxTokens = parsed.GetValue(_maxTokens);
        string[] stops = parsed.GetValue(_stop) ?? [];
        if (maxTokens < 1)
        {
            throw new UsageException($"--max-tokens: expected at least 1, found {maxTokens}");
        }

        if (stops.Contains(string.Empty))
        {
            throw new UsageException("--stop: expected a text, found an empty one");
        }

        return new GenerationOptions { Sampling = _sampling.Get(parsed, _console), MaxTokens = maxTokens, StopStrings = [.. stops] };
    }
}
