using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;

namespace Llama.Gpu.Cli.Commands;

/// <summary>What a checkpoint holds.</summary>
internal sealed class InspectCommand : Command
{
    private readonly CliConsole _console;
    private readonly IModelSource _models;
    private readonly Option<string> _model = CommonOptions.RequiredModel();

    public InspectCommand(CliConsole console, IModelSource models)
        : base("inspect", "Prints a checkpoint's configuration, its tensors, its number of parameters and its memory by type.")
    {
        _console = console;
        _models = models;
        Add(_model);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        using var checkpoint = _models.OpenCheckpoint(parsed.GetRequiredValue(_model));
        var summary = CheckpointSummary.Of(checkpoint);
        if (parsed.GetValue(CommonOptions.Json))
        {
            WriteJson(checkpoint, summary);
        }
        else
        {
            WriteTables(checkpoint, summary);
        }

        return ExitCode.Success;
    }

    private static IEnumerable<TensorInfo> InOrder(Checkpoint checkpoint) =>
        checkpoint.Tensors.Values.OrderBy(tensor => tensor.File, StringComparer.Ordinal).ThenBy(tensor => tensor.Offset);

    // the counted total has a tied head twice, once where it embeds and once where it is the head
    private static IEnumerable<(string Part, long Count)> Parts(CheckpointSummary summary) =>
    [
        ("embedding", summary.Embedding),
        ("attention", summary.Attention),
        ("mlp", summary.Mlp),
        ("norms", summary.Norms),
        (summary.HeadIsTied ? "head_tied" : "head", summary.Head),
        ("total_counted", summary.Parameters),
        ("total_unique", summary.UniqueParameters),
    ];

    // the cache has the type of the keys' weights unless told otherwise
    private static long CacheBytes(Checkpoint checkpoint) =>
        1000 * CheckpointSummary.KeyValueBytesPerToken(checkpoint.Config, checkpoint.Tensors[TensorNames.Layer(0).KeyWeight].Type);

    private void WriteTables(Checkpoint checkpoint, CheckpointSummary summary)
    {
        var config = Tables.New("config", "value");
        foreach (var (name, value) in ConfigFields.Of(checkpoint.Config))
        {
            config.Add(name, value switch
            {
                null => "none",
                bool flag => flag ? "true" : "false",
                int[] numbers => string.Join(", ", numbers),
                _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
            });
        }

        var tensors = Tables.New("tensor", "type", "shape", "size");
        foreach (var tensor in InOrder(checkpoint))
        {
            tensors.Add(tensor.Name, TypeNames.Of(tensor.Type), string.Join(" x ", tensor.Shape), ByteSize.Format(tensor.ByteLength));
        }

        var totals = Tables.New("total", string.Empty);
        foreach (var (part, count) in Parts(summary))
        {
            totals.Add(part.Replace('_', ' '), count.ToString("#,0", CultureInfo.InvariantCulture));
        }

        foreach (var (type, bytes) in summary.BytesByType)
        {
            totals.Add(TypeNames.Of(type), ByteSize.Format(bytes));
        }

        totals.Add("KV cache per 1,000 tokens", ByteSize.Format(CacheBytes(checkpoint)));
        Tables.Write(_console, config);
        Tables.Write(_console, tensors);
        Tables.Write(_console, totals);
    }

    private void WriteJson(Checkpoint checkpoint, CheckpointSummary summary) => JsonLine.Write(_console.Out, json =>
    {
        json.WriteString("directory", checkpoint.Directory);
        json.WritePropertyName("config");
        JsonSerializer.Serialize(json, ConfigFields.Of(checkpoint.Config).ToDictionary(field => field.Name, field => field.Value));
        json.WriteNumber("parameters", summary.UniqueParameters);
        json.WriteStartObject("parameters_by_part");
        foreach (var (part, count) in Parts(summary))
        {
            json.WriteNumber(part, count);
        }

        json.WriteEndObject();
        json.WriteNumber("kv_cache_bytes_per_1000_tokens", CacheBytes(checkpoint));
        json.WriteNumber("bytes", summary.TotalBytes);
        json.WriteStartObject("bytes_by_type");
        foreach (var (type, bytes) in summary.BytesByType)
        {
            json.WriteNumber(TypeNames.Of(type), bytes);
        }

        json.WriteEndObject();
        json.WriteStartArray("tensors");
        foreach (var tensor in InOrder(checkpoint))
        {
            json.WriteStartObject();
            json.WriteString("name", tensor.Name);
            json.WriteString("type", TypeNames.Of(tensor.Type));
            json.WriteStartArray("shape");
            foreach (long extent in tensor.Shape)
            {
                json.WriteNumberValue(extent);
            }

            json.WriteEndArray();
            json.WriteNumber("bytes", tensor.ByteLength);
            json.WriteString("file", Path.GetFileName(tensor.File));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
