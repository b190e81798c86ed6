using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Measurement;
using Llama.Gpu.Model;

namespace Llama.Gpu.Cli.Commands;

/// <summary>A model's speed against what the device can do.</summary>
internal sealed class BenchCommand : Command
{
    private const int DefaultPrompt = 128;
    private const int DefaultTokens = 16;
    private const int DefaultRounds = 7;

    private readonly CliConsole _console;
    private readonly IModelSource _models;
    private readonly Option<string> _model = CommonOptions.Model();
    private readonly DeviceOptions _device = new();

    private readonly Option<string?> _preset = new("--preset")
    {
        Description = $"Instead of --model, random weights in a temporary folder: {string.Join(", ", SyntheticPresets.Names)}.",
        HelpName = "NAME",
    };

    private readonly Option<int> _prompt = CommonOptions.Number("--prompt", "N", "Tokens of the prefill, and of the context decoded after.", DefaultPrompt);
    private readonly Option<int> _tokens = CommonOptions.Number("--tokens", "N", "Tokens decoded in each round.", DefaultTokens);
    private readonly Option<int> _sequences = CommonOptions.Number(
        "--sequences", "N", "Also decodes so many sequences together, in one pass over the weights for all.", 1);

    private readonly Option<int> _rounds = CommonOptions.Number("--rounds", "N", "Rounds; the median is printed.", DefaultRounds);

    public BenchCommand(CliConsole console, IModelSource models)
        : base("bench", "Measures prefill and decode of a model against the device's ceilings, measured in the same run.")
    {
        _console = console;
        _models = models;
        Add(_model);
        Add(_preset);
        Add(_prompt);
        Add(_tokens);
        Add(_sequences);
        Add(_rounds);
        _device.AddTo(this);
        SetAction((parsed, cancellationToken) => Task.Run(() => Execute(parsed, cancellationToken), CancellationToken.None));
    }

    private int Execute(ParseResult parsed, CancellationToken cancellationToken)
    {
        string? directory = parsed.GetValue(_model);
        string? preset = parsed.GetValue(_preset);
        if (directory is null == preset is null)
        {
            throw new UsageException("expected --model or --preset, found " + (preset is null ? "neither" : "both"));
        }

        var run = new Run(
            AtLeastOne(parsed, _prompt), AtLeastOne(parsed, _tokens), AtLeastOne(parsed, _sequences), AtLeastOne(parsed, _rounds));
        bool json = parsed.GetValue(CommonOptions.Json);
        var device = _device.Get(parsed);
        if (preset is null)
        {
            Measure(directory!, device, run, json, cancellationToken);
            return ExitCode.Success;
        }

        if (!SyntheticPresets.Names.Contains(preset))
        {
            throw new UsageException($"--preset: expected one of {string.Join(", ", SyntheticPresets.Names)}, found '{preset}'");
        }

        var folder = Directory.CreateTempSubdirectory("llama-gpu-bench-");
        try
        {
            var config = SyntheticPresets.Get(preset);
            SyntheticCheckpoint.Write(
                folder.FullName, config, config.DeclaredType ?? TensorType.BFloat16, seed: 0, progress: null, cancellationToken);
            Measure(folder.FullName, device, run, json, cancellationToken);
            return ExitCode.Success;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static int AtLeastOne(ParseResult parsed, Option<int> option)
    {
        int value = parsed.GetValue(option);
        return value >= 1 ? value : throw new UsageException($"{option.Name}: expected at least 1, found {value}");
    }

    private void Measure(string directory, DeviceChoice device, Run run, bool json, CancellationToken cancellationToken)
    {
        var (prompt, tokens, sequences, rounds) = run;
        TokenCost cost;
        using (var checkpoint = _models.OpenCheckpoint(directory))
        {
            cost = TokenCost.Of(checkpoint);
        }

        using var model = _models.Load(directory, device, cancellationToken);
        int context = checked(prompt + tokens);
        if (context > model.Config.MaxPositions)
        {
            throw new UsageException($"--prompt and --tokens: expected at most {model.Config.MaxPositions} positions, found {context}");
        }

        using var session = model.CreateSession(context);
        using var opened = DeviceSelector.Open(device.Name);
        using var probe = CeilingProbe.For(opened.Accelerator);
        int[] ids = [.. Enumerable.Range(0, prompt).Select(i => (int)(i * 7919L % model.Config.VocabularySize))];

        // the first of each compiles the kernels, and what can be captured is captured by the second token
        session.Forward(ids, cancellationToken);
        Decode(session, prompt, Math.Min(2, tokens), cancellationToken);
        var kernels = model.KernelLoading;

        var prefill = PairedMeasurement.Run(probe, cost.Prefill(prompt), rounds, () => Prefill(session, ids, cancellationToken), cancellationToken);
        var decode = PairedMeasurement.Run(
            probe, cost.Decode, rounds, () => Decode(session, prompt, tokens, cancellationToken), cancellationToken);
        StreamingResult? streaming = model.MeasureStreaming(session, tokens, rounds, cancellationToken);
        List<Line> lines =
        [
            new("prefill", $"T={prompt}", prompt / prefill.Seconds, prefill), new("decode", $"p={prompt}", 1 / decode.Seconds, decode),
        ];
        if (sequences > 1)
        {
            using var batch = new BenchBatch(model, session, sequences, prompt, context);
            batch.Decode(1, cancellationToken);
            var together = PairedMeasurement.Run(
                probe, cost.DecodeOf(sequences), rounds, () => batch.Decode(tokens, cancellationToken), cancellationToken);
            lines.Add(new("decode", $"B={sequences} p={prompt}", sequences / together.Seconds, together));
        }

        if (json)
        {
            foreach (Line line in lines)
            {
                WriteJson(line, model.Device, cost.TypeName);
            }

            if (streaming is not null)
            {
                StreamingReport.WriteJson(_console, streaming, model.Device, cost.TypeName);
            }

            WriteKernelsJson(kernels, model.Device);
        }
        else
        {
            WriteTable(lines, model.Device, cost.TypeName);
            if (streaming is not null)
            {
                StreamingReport.WriteTable(_console, streaming);
            }

            if (kernels is { } made)
            {
                _console.Note(string.Create(
                    CultureInfo.InvariantCulture,
                    $"[{made.Compiled} kernels compiled, {made.FromCache} from the cache, in {made.Time.TotalMilliseconds:0} ms]"));
            }
        }
    }

    private static double Prefill(IDecoderSession session, int[] ids, CancellationToken cancellationToken)
    {
        session.Rewind(0);
        long began = Stopwatch.GetTimestamp();
        session.Forward(ids, cancellationToken);
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    // seconds a token
    private static double Decode(IDecoderSession session, int prompt, int tokens, CancellationToken cancellationToken)
    {
        session.Rewind(prompt);
        Span<int> id = [1];
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < tokens; i++)
        {
            // as a greedy text does it: where the session chooses the token, only that comes back
            if (session is ITokenSession choosing)
            {
                choosing.ForwardAndChoose(id, default, out _, cancellationToken);
            }
            else
            {
                session.Forward(id, cancellationToken);
            }
        }

        return Stopwatch.GetElapsedTime(began).TotalSeconds / tokens;
    }

    private void WriteJson(Line line, string device, string type) => JsonLine.Write(_console.Out, json =>
    {
        json.WriteString("case", line.Case);
        json.WriteString("device", device);
        json.WriteString("type", type);
        json.WriteString("shape", line.Shape);
        json.WriteNumberOrNull("median_ms", line.Result.Seconds * 1e3);
        json.WriteNumberOrNull("tokens_per_second", line.TokensPerSecond);
        json.WriteNumberOrNull("gb_per_s", line.Result.BytesPerSecond / 1e9);
        json.WriteNumberOrNull("gflop_per_s", line.Result.FlopsPerSecond / 1e9);
        json.WriteString("ceiling", NameOf(line.Result.LimitedBy));
        json.WriteNumberOrNull("ceiling_per_second", line.Result.CeilingPerSecond);
        json.WriteNumberOrNull("share", line.Result.Share);
    });

    private void WriteKernelsJson(KernelLoading? kernels, string device) => JsonLine.Write(_console.Out, json =>
    {
        json.WriteString("case", "start-up");
        json.WriteString("device", device);
        json.WriteNumberOrNull("kernels_compiled", kernels?.Compiled);
        json.WriteNumberOrNull("kernels_from_cache", kernels?.FromCache);
        json.WriteNumberOrNull("kernel_load_ms", kernels?.Time.TotalMilliseconds);
    });

    private void WriteTable(List<Line> lines, string device, string type)
    {
        var table = Tables.New("case", "device", "type", "shape", "median ms", "tokens/s", "GB/s", "GFLOP/s", "of ceiling");
        foreach (Line line in lines)
        {
            table.Add(
                line.Case,
                device,
                type,
                line.Shape,
                Text(line.Result.Seconds * 1e3, "0.000"),
                Text(line.TokensPerSecond, "0.0"),
                Text(line.Result.BytesPerSecond / 1e9, "0.0"),
                Text(line.Result.FlopsPerSecond / 1e9, "0.0"),
                $"{Text(line.Result.Share, "0.00")} {NameOf(line.Result.LimitedBy)} ({Text(line.Result.CeilingPerSecond / 1e9, "0.0")} G/s)");
        }

        Tables.Write(_console, table);
    }

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);

    private static string NameOf(Ceiling ceiling) => ceiling == Ceiling.Read ? "read" : "multiply-add";

    private sealed record Run(int Prompt, int Tokens, int Sequences, int Rounds);

    private sealed record Line(string Case, string Shape, double TokensPerSecond, PairedResult Result);

    /// <summary>What a token needs of the weights: every matrix but the embedding once, and two operations an element.</summary>
    private sealed record TokenCost(long Bytes, long LayerParameters, long HeadParameters, string TypeName)
    {
        public Cost Decode => DecodeOf(1);

        public static TokenCost Of(Checkpoint checkpoint)
        {
            var summary = CheckpointSummary.Of(checkpoint);
            long bytes = TensorNames.Expected(checkpoint.Config)
                .Where(tensor => tensor.Part != ModelPart.Embedding || checkpoint.Config.TieWordEmbeddings)
                .Sum(tensor => checkpoint.Tensors[tensor.Name].ByteLength);
            string type = string.Join('+', summary.BytesByType.Keys.Select(TypeNames.Of));
            return new TokenCost(bytes, summary.Attention + summary.Mlp, summary.Head, type);
        }

        // a token of each sequence, each with logits
        public Cost DecodeOf(int sequences) => new(Bytes, 2 * (LayerParameters + HeadParameters) * sequences);

        // the logits of the last token alone
        public Cost Prefill(int tokens) => new(Bytes, (2 * LayerParameters * tokens) + (2 * HeadParameters));
    }
}
