using System.CommandLine;
using System.Globalization;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;

namespace Llama.Gpu.Cli.Commands;

/// <summary>The logits after each of a sequence's tokens.</summary>
internal sealed class LogitsCommand : Command
{
    private const int DefaultTop = 10;

    private readonly CliConsole _console;
    private readonly IModelSource _models;
    private readonly Option<string> _model = CommonOptions.RequiredModel();
    private readonly Option<int[]?> _rawIds = CommonOptions.RawIds();
    private readonly DeviceOptions _device = new();

    private readonly Option<string?> _out = new("--out", "-o")
    {
        Description = "File for all logits: float32, little-endian, positions x vocabulary.", HelpName = "FILE",
    };

    private readonly Option<int> _top = new("--top")
    {
        Description = "How many of the last position's largest logits are printed.", HelpName = "N", DefaultValueFactory = _ => DefaultTop,
    };

    public LogitsCommand(CliConsole console, IModelSource models)
        : base("logits", "Computes logits token by token; prints the largest of the last position.")
    {
        _console = console;
        _models = models;
        _rawIds.Required = true;
        Add(_model);
        Add(_rawIds);
        Add(_out);
        Add(_top);
        _device.AddTo(this);
        SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), CancellationToken.None));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        int[] ids = parsed.GetRequiredValue(_rawIds)!;
        int top = parsed.GetValue(_top);
        if (top < 0)
        {
            throw new UsageException($"--top: expected at least 0, found {top}");
        }

        using var model = _models.Load(parsed.GetRequiredValue(_model), _device.Get(parsed), cancellationToken);
        IdList.Check(ids, model.Config.VocabularySize);
        using var session = model.CreateSession(Math.Min(ids.Length, model.Config.MaxPositions));
        float[] last;
        if (parsed.GetValue(_out) is string path)
        {
            using var file = new LogitsFile(path);
            last = Compute(session, ids, file, cancellationToken);
            file.Complete();
        }
        else
        {
            last = Compute(session, ids, file: null, cancellationToken);
        }

        var largest = TopLogits.Select(last, top);
        if (parsed.GetValue(CommonOptions.Json))
        {
            WriteJson(ids.Length, model, last, largest);
        }
        else
        {
            WriteTable(largest);
        }

        return ExitCode.Success;
    }

    private static float[] Compute(IDecoderSession session, int[] ids, LogitsFile? file, CancellationToken cancellationToken)
    {
        float[] last = [];
        session.ForwardAll(
            ids,
            (position, logits) =>
            {
                file?.Write(logits);
                last = position == ids.Length - 1 ? logits.ToArray() : last;
            },
            cancellationToken);
        return last;
    }

    private void WriteTable((int Id, float Logit)[] largest)
    {
        var table = Tables.New("id", "logit");
        foreach (var (id, logit) in largest)
        {
            table.Add(id.ToString(CultureInfo.InvariantCulture), logit.ToString("0.0000", CultureInfo.InvariantCulture));
        }

        Tables.Write(_console, table);
    }

    private void WriteJson(int positions, LoadedModel model, float[] last, (int Id, float Logit)[] largest) =>
        JsonLine.Write(_console.Out, json =>
        {
            json.WriteNumbers("shape", [positions, last.Length]);
            json.WriteStartObject("top");
            json.WriteNumbers("ids", largest.Select(entry => entry.Id));
            json.WriteStartArray("values");
            foreach (var (_, logit) in largest)
            {
                json.WriteFloat(logit);
            }

            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteNumber("non_finite", last.Count(logit => !float.IsFinite(logit)));
            json.WriteNumberOrNull("peak_device_bytes", model.PeakDeviceBytes);
            json.WriteString("device", model.Device);
        });
}
