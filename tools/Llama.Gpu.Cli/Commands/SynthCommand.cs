using System.Collections.Immutable;
using System.CommandLine;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Kernels;
using Llama.Gpu.Model;
using Spectre.Console;

namespace Llama.Gpu.Cli.Commands;

/// <summary>Writes a checkpoint with random weights.</summary>
internal sealed class SynthCommand : Command
{
    private readonly CliConsole _console;

    private readonly Option<string> _preset = new("--preset")
    {
        Description = $"{string.Join(", ", SyntheticPresets.Names)}.", HelpName = "NAME", Required = true,
    };

    private readonly Option<string> _out = CommonOptions.FilePath("--out", "DIR", "Folder to write, empty or not there yet.", "-o");
    private readonly Option<ulong> _seed = CommonOptions.Number<ulong>("--seed", "N", "Chooses the weights.", 0);
    private readonly Option<int?> _layers = CommonOptions.OptionalNumber<int>("--layers", "N", "Cuts the model to this many layers.");

    private readonly Option<TensorType?> _type = CommonOptions.Parsed<TensorType?>(
        "--type", "f32|f16|bf16", "Type of the weights; by default the one the model was published in.", text => TypeNames.Parse(text));

    private readonly Option<ImmutableDictionary<char, PlantedSpectrum>?> _spectrum = CommonOptions.Parsed<ImmutableDictionary<char, PlantedSpectrum>>(
        "--spectrum",
        "SPEC",
        "Singular values of every head's q, k, v and o: flat, rank:N, power:X or exp:X, for all or each, such as q=rank:4,o=power:1.",
        PlantedSpectrum.ParseAll);

    public SynthCommand(CliConsole console)
        : base("synth", "Writes a checkpoint with random weights in the real format.")
    {
        _console = console;
        _out.Required = true;
        Add(_preset);
        Add(_out);
        Add(_seed);
        Add(_layers);
        Add(_type);
        Add(_spectrum);
        SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), CancellationToken.None));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        var config = GetConfig(parsed);
        var type = parsed.GetValue(_type) ?? config.DeclaredType ?? TensorType.BFloat16;
        string directory = parsed.GetRequiredValue(_out);
        ulong seed = parsed.GetValue(_seed);
        var spectra = parsed.GetValue(_spectrum) ?? ImmutableDictionary<char, PlantedSpectrum>.Empty;
        var summary = CheckpointSummary.Of(config, type);
        if (_console.Watched)
        {
            WriteWithProgress(summary.TotalBytes, progress =>
                SyntheticCheckpoint.Write(directory, config, type, seed, spectra, progress, cancellationToken));
        }
        else
        {
            SyntheticCheckpoint.Write(directory, config, type, seed, spectra, progress: null, cancellationToken);
        }

        if (parsed.GetValue(CommonOptions.Json))
        {
            JsonLine.Write(_console.Out, json =>
            {
                json.WriteString("directory", directory);
                json.WriteNumber("layers", config.LayerCount);
                json.WriteString("type", TypeNames.Of(type));
                json.WriteNumber("parameters", summary.UniqueParameters);
                json.WriteNumber("bytes", summary.TotalBytes);
            });
        }
        else
        {
            _console.Out.WriteLine(
                $"{directory}: {config.LayerCount} layers, {summary.UniqueParameters} parameters, "
                + $"{ByteSize.Format(summary.TotalBytes)} of {TypeNames.Of(type)}");
        }

        return ExitCode.Success;
    }

    private LlamaConfig GetConfig(ParseResult parsed)
    {
        string preset = parsed.GetRequiredValue(_preset);
        if (!SyntheticPresets.Names.Contains(preset))
        {
            throw new UsageException($"--preset: expected one of {string.Join(", ", SyntheticPresets.Names)}, found '{preset}'");
        }

        var config = SyntheticPresets.Get(preset);
        if (parsed.GetValue(_layers) is not int layers)
        {
            return config;
        }

        return layers >= 1 && layers <= config.LayerCount
            ? config with { LayerCount = layers }
            : throw new UsageException($"--layers: expected from 1 to the preset's {config.LayerCount}, found {layers}");
    }

    private void WriteWithProgress(long totalBytes, Action<IProgress<long>> write) =>
        Tables.For(_console, _console.Error).Progress().AutoClear(true).Start(context =>
        {
            var task = context.AddTask("writing", maxValue: totalBytes);
            write(new TaskProgress(task));
        });

    // Progress<T> would post each report to the thread pool, where they overtake one another
    private sealed class TaskProgress(ProgressTask task) : IProgress<long>
    {
        public void Report(long value) => task.Value = value;
    }
}
