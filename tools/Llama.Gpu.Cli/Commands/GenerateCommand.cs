using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli.Commands;

/// <summary>Continues a text.</summary>
internal sealed class GenerateCommand : Command
{
    private const int DefaultMaxTokens = 128;

    private readonly CliConsole _console;
    private readonly IModelSource _models;
    private readonly Argument<string?> _prompt = new("PROMPT") { Description = "The text to continue.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> _model = CommonOptions.RequiredModel();
    private readonly DeviceOptions _device = new();
    private readonly SamplingArguments _sampling = new();
    private readonly Option<int[]?> _rawIds = CommonOptions.RawIds();

    private readonly Option<int> _maxTokens = CommonOptions.Number("--max-tokens", "N", "Most tokens to generate.", DefaultMaxTokens, "-n");

    private readonly Option<int?> _context = CommonOptions.OptionalNumber<int>(
        "--context", "N", "Positions of the KV cache; by default as many as the run can fill.", "-c");

    private readonly Option<string[]> _stop = new("--stop")
    {
        Description = "Text to stop before; may be given more than once.", HelpName = "TEXT", Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<int?> _logProbabilities = CommonOptions.OptionalNumber<int>(
        "--log-probs", "N", "With --json: each token's log-probability, and those of the N likeliest in its place.");

    private readonly BeamArguments _beams = new();

    private readonly Option<bool> _special = new("--special") { Description = "Read special tokens in the prompt as such." };
    private readonly Option<bool> _noBos = new("--no-bos") { Description = "Do not begin with the beginning-of-text token." };

    public GenerateCommand(CliConsole console, IModelSource models)
        : base("generate", "Continues a text: echoes the prompt, then prints what follows as it comes.")
    {
        _console = console;
        _models = models;
        Add(_prompt);
        Add(_model);
        Add(_rawIds);
        Add(_maxTokens);
        Add(_context);
        _sampling.AddTo(this);
        Add(_stop);
        Add(_logProbabilities);
        _beams.AddTo(this);
        Add(_special);
        Add(_noBos);
        _device.AddTo(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string? prompt = parsed.GetValue(_prompt);
        int[]? rawIds = CommonOptions.GetRawIds(parsed, _rawIds);
        if (prompt is null == rawIds is null)
        {
            throw new UsageException("expected a PROMPT or --raw-ids, found " + (prompt is null ? "neither" : "both"));
        }

        var options = GetOptions(parsed);
        var beams = _beams.Get(parsed, options);
        var device = _device.Get(parsed);
        string directory = parsed.GetRequiredValue(_model);
        var tokenizer = rawIds is null ? OpenTokenizer(directory) : _models.FindTokenizer(directory);
        if (tokenizer is null && !options.StopStrings.IsEmpty)
        {
            throw new UsageException("--stop: expected a model with a tokenizer, found none");
        }

        int[] ids = rawIds ?? tokenizer!.Encode(prompt!, options.AddBeginOfText, options.ParseSpecial);
        if (ids.Length == 0)
        {
            throw new UsageException("PROMPT: expected a text of at least one token, found none");
        }

        using var model = _models.Load(directory, device, cancellationToken);
        IdList.Check(ids, model.Config.VocabularySize);
        int contextLength = ContextLength(parsed, model.Config, ids.Length);
        if (ids.Length > contextLength)
        {
            // before anything is printed
            throw new ContextOverflowException(position: 0, ids.Length, contextLength);
        }

        bool json = parsed.GetValue(CommonOptions.Json);
        string echo = prompt ?? Decode(tokenizer, ids);
        if (beams is not null)
        {
            var run = new BeamRun(_console, model, tokenizer);
            await run.RunAsync(ids, echo, contextLength, beams, json, cancellationToken).ConfigureAwait(false);
            return ExitCode.Success;
        }

        using var session = model.CreateSession(contextLength);
        var generator = new TextGenerator(session, tokenizer, model.Config.EndOfTextIds);
        var pieces = generator.GenerateAsync(ids, options, cancellationToken);
        var result = await PrintAsync(pieces, json ? null : echo, asText: tokenizer is not null).ConfigureAwait(false);
        var streaming = StreamingFigure.Of(model, cancellationToken);
        if (json)
        {
            WriteJson(result, model, streaming, hasText: tokenizer is not null);
        }
        else
        {
            WriteSummary(result, model, options.Sampling);
            if (streaming is not null)
            {
                _console.Note(streaming.Summary);
            }
        }

        return ExitCode.Success;
    }

    /// <summary>Runs the generation; prints it as it comes behind <paramref name="echo"/>, or nothing if that is null.</summary>
    private async Task<GenerationResult> PrintAsync(IAsyncEnumerable<GeneratedPiece> pieces, string? echo, bool asText)
    {
        GenerationResult? result = null;
        string separator = string.Empty;
        Print(echo);
        try
        {
            await foreach (var piece in pieces.ConfigureAwait(false))
            {
                result = piece.Result;
                if (echo is not null)
                {
                    Print(asText ? piece.Text : separator + string.Join(' ', piece.Ids));
                    separator = " ";
                }
            }
        }
        finally
        {
            // whatever ended it, what follows begins on a line of its own
            Print(echo is null ? null : "\n");
        }

        return result!;
    }

    // a model may have ids that its tokenizer has no token for
    private static string Decode(ITokenizer? tokenizer, int[] ids)
    {
        try
        {
            return tokenizer?.Decode(ids, skipSpecial: false) ?? string.Empty;
        }
        catch (ArgumentOutOfRangeException)
        {
            return string.Empty;
        }
    }

    private void Print(string? text)
    {
        if (!string.IsNullOrEmpty(text))
        {
            _console.Out.Write(text);
            _console.Out.Flush();
        }
    }

    private GenerationOptions GetOptions(ParseResult parsed)
    {
        int maxTokens = parsed.GetValue(_maxTokens);
        string[] stops = parsed.GetValue(_stop) ?? [];
        if (maxTokens < 0)
        {
            throw new UsageException($"--max-tokens: expected at least 0, found {maxTokens}");
        }

        if (stops.Contains(string.Empty))
        {
            throw new UsageException("--stop: expected a text, found an empty one");
        }

        if (parsed.GetValue(_logProbabilities) < 0)
        {
            throw new UsageException($"--log-probs: expected at least 0, found {parsed.GetValue(_logProbabilities)}");
        }

        return new GenerationOptions
        {
            LogProbabilities = parsed.GetValue(_logProbabilities),
            Sampling = _sampling.Get(parsed, _console),
            MaxTokens = maxTokens,
            StopStrings = [.. stops],
            AddBeginOfText = !parsed.GetValue(_noBos),
            ParseSpecial = parsed.GetValue(_special),
        };
    }

    private ITokenizer OpenTokenizer(string directory) =>
        _models.FindTokenizer(directory)
        ?? throw new TokenizerException(
            directory, "a text prompt needs a tokenizer.json or a tokenizer.model, found neither; --raw-ids runs without");

    // the cache costs memory: no more positions than the run can fill
    private int ContextLength(ParseResult parsed, LlamaConfig config, int promptLength)
    {
        if (parsed.GetValue(_context) is not int context)
        {
            return (int)Math.Min(config.MaxPositions, (long)promptLength + parsed.GetValue(_maxTokens));
        }

        return context is > 0 && context <= config.MaxPositions
            ? context
            : throw new UsageException($"--context: expected from 1 to the model's {config.MaxPositions} positions, found {context}");
    }

    private void WriteJson(GenerationResult result, LoadedModel model, StreamingFigure? streaming, bool hasText) => JsonLine.Write(_console.Out, json =>
    {
        json.WriteString("text", hasText ? result.Text : null);
        json.WriteNumbers("ids", result.Ids);
        json.WriteNumbers("prompt_ids", result.PromptIds);
        if (!result.LogProbabilities.IsEmpty)
        {
            WriteLogProbabilities(json, result);
        }

        json.WriteString("stop_reason", GenerationNames.Of(result.StopReason));
        json.WriteNumber("seed", result.Seed);
        json.WriteNumberOrNull("prefill_tokens_per_second", result.PrefillTokensPerSecond);
        json.WriteNumberOrNull("decode_tokens_per_second", result.DecodeTokensPerSecond);
        json.WriteNumberOrNull("peak_device_bytes", model.PeakDeviceBytes);
        json.WriteNumber("streamed_bytes_per_token", model.StreamedBytesPerToken);
        json.WriteNumberOrNull("streamed_bytes_per_second", streaming?.BytesPerSecond);
        json.WriteNumberOrNull("copy_bytes_per_second", streaming?.CopyBytesPerSecond);
        json.WriteNumberOrNull("share_of_copy_bandwidth", streaming?.Share);
        json.WriteNumberOrNull("streaming_wait_seconds", streaming?.WaitSeconds);
        json.WriteNumberOrNull("kernels_compiled", model.KernelLoading?.Compiled);
        json.WriteNumberOrNull("kernels_from_cache", model.KernelLoading?.FromCache);
        json.WriteNumberOrNull("kernel_load_ms", model.KernelLoading?.Time.TotalMilliseconds);
        json.WriteString("device", model.Device);
    });

    private static void WriteLogProbabilities(Utf8JsonWriter json, GenerationResult result)
    {
        json.WriteStartArray("log_probabilities");
        foreach (var token in result.LogProbabilities)
        {
            json.WriteStartObject();
            json.WriteNumber("id", token.Id);
            json.WriteNumberOrNull("log_probability", token.LogProbability);
            json.WriteNumbers("top_ids", token.Top.Select(entry => entry.Id));
            json.WriteStartArray("top_log_probabilities");
            foreach (var (_, logProbability) in token.Top)
            {
                json.WriteFloat((float)logProbability);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteSummary(GenerationResult result, LoadedModel model, SamplingOptions sampling)
    {
        string decode = result.DecodeTokensPerSecond is double speed
            ? string.Create(CultureInfo.InvariantCulture, $" at {speed:0.0} a second")
            : string.Empty;
        string choice = sampling.Temperature == 0 ? "greedy" : string.Create(CultureInfo.InvariantCulture, $"seed {result.Seed}");
        string memory = model.PeakDeviceBytes is long bytes ? $", {ByteSize.Format(bytes)} of device memory" : string.Empty;
        _console.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"[{result.PromptIds.Length} prompt tokens at {result.PrefillTokensPerSecond:0.0} a second; "
            + $"{result.Ids.Length} tokens{decode}; {GenerationNames.Of(result.StopReason)}; {choice}; {model.Device}{memory}]"));
    }
}
