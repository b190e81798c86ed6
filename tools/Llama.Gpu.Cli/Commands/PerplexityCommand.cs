using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Generation;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli.Commands;

/// <summary>How well a model foresees a text.</summary>
internal sealed class PerplexityCommand : Command
{
    private const int DefaultContext = 2048;

    private readonly CliConsole _console;
    private readonly IModelSource _models;
    private readonly Argument<string> _file = new("FILE") { Description = "The text, in UTF-8; - for standard input." };
    private readonly Option<string> _model = CommonOptions.RequiredModel();
    private readonly DeviceOptions _device = new();

    private readonly Option<int?> _context = CommonOptions.OptionalNumber<int>(
        "--context", "N", $"Tokens of a window; by default the model's positions, {DefaultContext} at most.", "-c");

    private readonly Option<int?> _stride = CommonOptions.OptionalNumber<int>(
        "--stride", "N", "Tokens by which windows advance; half the context by default.");

    private readonly Option<bool> _noBos = new("--no-bos") { Description = "Do not begin with the beginning-of-text token." };

    public PerplexityCommand(CliConsole console, IModelSource models)
        : base("perplexity", "Measures how well a model foresees a text: e to the mean of -ln p over its tokens.")
    {
        _console = console;
        _models = models;
        Add(_file);
        Add(_model);
        Add(_context);
        Add(_stride);
        Add(_noBos);
        _device.AddTo(this);
        SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), CancellationToken.None));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        string directory = parsed.GetRequiredValue(_model);
        var device = _device.Get(parsed);
        string file = parsed.GetRequiredValue(_file);
        string text = file == "-" ? _console.In.ReadToEnd() : File.ReadAllText(file);
        var tokenizer = _models.FindTokenizer(directory)
            ?? throw new TokenizerException(directory, "perplexity needs a tokenizer.json or a tokenizer.model, found neither");
        int[] ids = tokenizer.Encode(text, addBeginOfText: !parsed.GetValue(_noBos));
        if (ids.Length < 2)
        {
            throw new UsageException($"FILE: expected a text of at least two tokens, found {ids.Length}");
        }

        using var model = _models.Load(directory, device, cancellationToken);
        IdList.Check(ids, model.Config.VocabularySize);
        int context = parsed.GetValue(_context) ?? Math.Min(model.Config.MaxPositions, DefaultContext);
        if (context < 3 || context > model.Config.MaxPositions)
        {
            throw new UsageException($"--context: expected from 3 to the model's {model.Config.MaxPositions} positions, found {context}");
        }

        int stride = parsed.GetValue(_stride) ?? context / 2;
        if (stride < 1 || stride > context - 2)
        {
            throw new UsageException($"--stride: expected from 1 to {context - 2} in a context of {context}, found {stride}");
        }

        using var session = model.CreateSession(context);
        var progress = _console.Watched ? new Reporter(_console, ids.Length - 1) : null;
        var clock = Stopwatch.StartNew();
        var result = Perplexity.Measure(session, ids, stride, tokenizer.BeginOfTextId, progress, cancellationToken);
        Write(parsed, result, model, Encoding.UTF8.GetByteCount(text), clock.Elapsed);
        return ExitCode.Success;
    }

    private void Write(ParseResult parsed, PerplexityResult result, LoadedModel model, int bytes, TimeSpan time)
    {
        // does not depend on how a tokenizer cuts the text
        double bitsPerByte = result.NegativeLogLikelihood / Math.Log(2) / bytes;
        if (parsed.GetValue(CommonOptions.Json))
        {
            JsonLine.Write(_console.Out, json =>
            {
                json.WriteNumberOrNull("perplexity", result.Perplexity);
                json.WriteNumber("negative_log_likelihood", result.NegativeLogLikelihood);
                json.WriteNumber("scored_tokens", result.ScoredTokens);
                json.WriteNumberOrNull("bits_per_byte", bitsPerByte);
                json.WriteNumber("tokens_per_second", result.ScoredTokens / time.TotalSeconds);
                json.WriteNumberOrNull("peak_device_bytes", model.PeakDeviceBytes);
                json.WriteString("device", model.Device);
            });
            return;
        }

        _console.Out.Write(string.Create(CultureInfo.InvariantCulture, $"{result.Perplexity:0.0000}\n"));
        _console.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"[{result.ScoredTokens} tokens at {result.ScoredTokens / time.TotalSeconds:0.0} a second; {bitsPerByte:0.0000} bits a byte; {model.Device}]"));
    }

    // at once and on the same thread, unlike Progress<T>
    private sealed class Reporter(CliConsole console, int tokens) : IProgress<PerplexityResult>
    {
        public void Report(PerplexityResult value) => console.Note(string.Create(
            CultureInfo.InvariantCulture, $"{value.ScoredTokens} of {tokens} tokens: {value.Perplexity:0.0000}"));
    }
}
