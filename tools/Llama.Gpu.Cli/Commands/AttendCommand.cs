using System.CommandLine;
using System.Globalization;
using Llama.Gpu.Analysis;
using Llama.Gpu.Analysis.Report;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli.Commands;

/// <summary>What a forward pass does with a prompt: attention weights, and the ranked next tokens after each layer.</summary>
internal sealed class AttendCommand : Command
{
    private const int DefaultTop = 5;

    private readonly CliConsole _console;
    private readonly IModelSource _models;
    private readonly Argument<string?> _prompt = new("PROMPT") { Description = "The text.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<int[]?> _rawIds = CommonOptions.RawIds();
    private readonly Option<string> _model = CommonOptions.RequiredModel();
    private readonly DeviceOptions _device = new();
    private readonly Option<bool> _noBos = new("--no-bos") { Description = "Do not begin with the beginning-of-text token." };
    private readonly Option<int> _top = CommonOptions.Number("--top", "N", "Next tokens that are ranked after each layer.", DefaultTop);
    private readonly Option<string> _html = CommonOptions.FilePath("--html", "FILE", "A report with heat maps, in one file.");

    private readonly Option<int[]?> _layers = CommonOptions.Parsed(
        "--layers", "0,2-5", "Layers whose attention is shown, from 0; all by default.", text => IndexList.Parse("--layers", text));

    private readonly Option<int[]?> _heads = CommonOptions.Parsed(
        "--heads", "0,2-5", "Heads whose attention is shown, from 0; all by default.", text => IndexList.Parse("--heads", text));

    public AttendCommand(CliConsole console, IModelSource models)
        : base("attend", "Shows what a forward pass does with a prompt: attention weights, next tokens after each layer, steps and shapes.")
    {
        _console = console;
        _models = models;
        Add(_prompt);
        Add(_rawIds);
        Add(_model);
        Add(_layers);
        Add(_heads);
        Add(_top);
        Add(_noBos);
        Add(_html);
        _device.AddTo(this);
        SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), CancellationToken.None));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        string? prompt = parsed.GetValue(_prompt);
        int[]? rawIds = CommonOptions.GetRawIds(parsed, _rawIds);
        if (prompt is null == rawIds is null)
        {
            throw new UsageException("expected a PROMPT or --raw-ids, found " + (prompt is null ? "neither" : "both"));
        }

        int top = parsed.GetValue(_top);
        if (top < 1)
        {
            throw new UsageException($"--top: expected at least 1, found {top}");
        }

        DeviceChoice choice = _device.Get(parsed);
        string directory = parsed.GetRequiredValue(_model);
        ITokenizer? tokenizer = _models.FindTokenizer(directory);
        if (prompt is not null && tokenizer is null)
        {
            throw new TokenizerException(directory, "a PROMPT needs a tokenizer.json or a tokenizer.model, found neither");
        }

        int[] ids = rawIds ?? tokenizer!.Encode(prompt!, addBeginOfText: !parsed.GetValue(_noBos));
        using var checkpoint = _models.OpenCheckpoint(directory);
        LlamaConfig config = checkpoint.Config;
        IdList.Check(ids, config.VocabularySize);
        if (ids.Length == 0 || ids.Length > config.MaxPositions)
        {
            throw new UsageException($"PROMPT: expected from 1 to {config.MaxPositions} tokens, found {ids.Length}");
        }

        using ReportFile? file = ReportFile.Open(parsed.GetValue(_html));
        using var device = DeviceSelector.Open(choice.Name);
        var request = new MemoryPlanRequest(choice.BudgetBytes ?? DeviceBudget.Available(device.Accelerator), ids.Length);
        using var model = LlamaModel.Load(checkpoint, device.Accelerator, request, progress: null, cancellationToken);
        using var session = model.CreateSession(ids.Length);
        using var capture = new ActivationCapture(
            session,
            new() { Layers = CommonOptions.GetList(parsed, _layers), Heads = CommonOptions.GetList(parsed, _heads), Magnitudes = true });
        session.Forward(ids, cancellationToken);

        var report = new AttentionReport(NameOf(directory), config, [.. ids.Select(id => Label(tokenizer, id))])
        {
            Lens = RankAfterEachLayer(capture, new LogitLens(checkpoint, model.Budget), tokenizer, top, cancellationToken),
            Maps = [.. from layer in capture.Layers from head in capture.Heads select capture.Attention(layer, head)],
            Magnitudes = capture.Magnitudes,
        };
        if (parsed.GetValue(CommonOptions.Json))
        {
            WriteJson(report, ids);
        }
        else
        {
            WriteTables(report);
        }

        file?.Write(report.Write);
        return ExitCode.Success;
    }

    private static List<RankedToken>[] RankAfterEachLayer(
        ActivationCapture capture, LogitLens lens, ITokenizer? tokenizer, int top, CancellationToken cancellationToken)
    {
        int hidden = capture.Config.HiddenSize;
        var states = new List<float>();
        for (int layer = -1; layer < capture.Config.LayerCount; layer++)
        {
            states.AddRange(capture.HiddenStates(layer)[^hidden..]);
        }

        float[][] logits = lens.Logits(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(states), cancellationToken);
        return [.. logits.Select(row => Rank(row, tokenizer, top))];
    }

    private static List<RankedToken> Rank(float[] logits, ITokenizer? tokenizer, int top)
    {
        double largest = logits.Max();
        double sum = logits.Sum(logit => Math.Exp(logit - largest));
        return [.. TopLogits.Select(logits, top).Select(entry =>
            new RankedToken(entry.Id, Label(tokenizer, entry.Id), Math.Exp(entry.Logit - largest) / sum))];
    }

    // a token's spaces and line ends would not be seen
    private static string Label(ITokenizer? tokenizer, int id) => tokenizer is null
        ? id.ToString(CultureInfo.InvariantCulture)
        : TokenText.Of(tokenizer, id).Replace(' ', '␣').Replace('\n', '↵').Replace('\t', '⇥');

    private static string NameOf(string directory) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)));

    private void WriteTables(AttentionReport report)
    {
        var steps = Tables.New("step", "formula", "shape", "what for");
        foreach (GuidedStep step in ForwardPassGuide.Of(report.Config, report.Tokens.Count))
        {
            steps.Add(step.Step.ToString(), step.Formula, step.Shape, step.Meaning);
        }

        var lens = Tables.New("after", "next tokens, the likeliest first");
        for (int i = 0; i < report.Lens.Count; i++)
        {
            string after = i == 0 ? "embedding" : string.Create(CultureInfo.InvariantCulture, $"layer {i - 1}");
            lens.Add(after, string.Join("  ", report.Lens[i].Select(token => string.Create(CultureInfo.InvariantCulture, $"{token.Text} {token.Probability:0.000}"))));
        }

        var attention = Tables.New("layer", "head", "where the last token looks");
        foreach (AttentionMap map in report.Maps)
        {
            int last = map.RowCount - 1;
            var looked = Enumerable.Range(0, map.PositionCount).OrderByDescending(position => map[last, position]).Take(DefaultTop);
            attention.Add(
                map.Layer.ToString(CultureInfo.InvariantCulture),
                map.Head.ToString(CultureInfo.InvariantCulture),
                string.Join("  ", looked.Select(position => string.Create(CultureInfo.InvariantCulture, $"{report.Tokens[position]} {map[last, position]:0.000}"))));
        }

        Tables.Write(_console, steps);
        Tables.Write(_console, attention);
        Tables.Write(_console, lens);
    }

    private void WriteJson(AttentionReport report, int[] ids)
    {
        JsonLine.Write(_console.Out, json =>
        {
            json.WriteNumbers("ids", ids);
            json.WriteStartArray("tokens");
            foreach (string token in report.Tokens)
            {
                json.WriteStringValue(token);
            }

            json.WriteEndArray();
        });
        foreach (AttentionMap map in report.Maps)
        {
            JsonLine.Write(_console.Out, json =>
            {
                json.WriteNumber("layer", map.Layer);
                json.WriteNumber("head", map.Head);
                json.WriteStartArray("attention");
                for (int row = 0; row < map.RowCount; row++)
                {
                    json.WriteStartArray();
                    for (int position = 0; position < map.PositionCount; position++)
                    {
                        json.WriteFloat(map[row, position]);
                    }

                    json.WriteEndArray();
                }

                json.WriteEndArray();
            });
        }

        for (int i = 0; i < report.Lens.Count; i++)
        {
            IReadOnlyList<RankedToken> lens = report.Lens[i];
            int layer = i - 1;
            JsonLine.Write(_console.Out, json =>
            {
                json.WriteNumber("layer", layer);
                json.WriteStartArray("lens");
                foreach (RankedToken token in lens)
                {
                    json.WriteStartObject();
                    json.WriteNumber("id", token.Id);
                    json.WriteString("text", token.Text);
                    json.WriteNumberOrNull("probability", token.Probability);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            });
        }
    }
}
