using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Llama.Gpu.Analysis;
using Llama.Gpu.Analysis.Report;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Cli.Commands;

/// <summary>Singular values of every attention head.</summary>
internal sealed class SpectrumCommand : Command
{
    private readonly CliConsole _console;
    private readonly IModelSource _models;
    private readonly Option<string> _model = CommonOptions.RequiredModel();
    private readonly DeviceOptions _device = new();

    private readonly Option<int[]?> _layers = CommonOptions.Parsed(
        "--layers", "0,2-5", "Layers, from 0; all by default. Only these are read.", text => IndexList.Parse("--layers", text));

    private readonly Option<int[]?> _heads = CommonOptions.Parsed(
        "--heads", "0,2-5", "Query heads, from 0, and the KV heads that they use; all by default.", text => IndexList.Parse("--heads", text));

    private readonly Option<HeadMatrix[]?> _matrices = CommonOptions.Parsed<HeadMatrix[]>(
        "--matrices", "q,k,v,o", "Matrices of a head among q, k, v, o and the products qk and ov; q,k,v,o by default.", ParseMatrices);

    private readonly Option<bool> _perQueryHead = new("--per-query-head") { Description = "Report k and v for each query head that uses them." };
    private readonly Option<bool> _csv = new("--csv") { Description = "Comma-separated values on standard output, one line a head." };
    private readonly Option<string> _html = CommonOptions.FilePath("--html", "FILE", "A report with pictures, in one file.");

    public SpectrumCommand(CliConsole console, IModelSource models)
        : base("spectrum", "Computes the singular values of every attention head's matrices, and metrics of them.")
    {
        _console = console;
        _models = models;
        Add(_model);
        Add(_layers);
        Add(_heads);
        Add(_matrices);
        Add(_perQueryHead);
        Add(_csv);
        Add(_html);
        _device.AddTo(this);
        SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), CancellationToken.None));
    }

    private static HeadMatrix[] ParseMatrices(string text)
    {
        try
        {
            return [.. text.Split(',').Select(HeadMatrices.Parse)];
        }
        catch (FormatException exception)
        {
            throw new FormatException($"--matrices: {exception.Message}", exception);
        }
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        bool json = parsed.GetValue(CommonOptions.Json);
        bool csv = parsed.GetValue(_csv);
        if (json && csv)
        {
            throw new UsageException("expected one of --json and --csv, found both");
        }

        DeviceChoice choice = _device.Get(parsed);
        string directory = parsed.GetRequiredValue(_model);
        using var checkpoint = _models.OpenCheckpoint(directory);
        using ReportFile? report = ReportFile.Open(parsed.GetValue(_html));
        using var device = DeviceSelector.Open(choice.Name);
        var budget = new DeviceBudget(device.Accelerator, choice.BudgetBytes ?? DeviceBudget.Available(device.Accelerator));
        var request = new SpectralRequest
        {
            Layers = CommonOptions.GetList(parsed, _layers),
            Heads = CommonOptions.GetList(parsed, _heads),
            Matrices = CommonOptions.GetList(parsed, _matrices) ?? [.. HeadMatrices.Stored],
            PerQueryHead = parsed.GetValue(_perQueryHead),
        };
        if (csv)
        {
            _console.Out.Write($"layer,matrix,head,singular_values,{string.Join(',', default(SpectralMetrics).Named().Select(metric => metric.Name))}\n");
        }

        var spectra = new List<HeadSpectrum>();
        foreach (HeadSpectrum spectrum in new SpectralAnalysis(checkpoint, budget).Analyze(request, cancellationToken))
        {
            if (_console.Watched && (spectra.Count == 0 || spectra[^1].Layer != spectrum.Layer))
            {
                _console.Note(string.Create(CultureInfo.InvariantCulture, $"layer {spectrum.Layer}"));
            }

            spectra.Add(spectrum);
            if (json)
            {
                JsonLine.Write(_console.Out, line => WriteJson(line, spectrum));
            }
            else if (csv)
            {
                _console.Out.Write(CsvLine(spectrum));
            }
        }

        if (!json && !csv)
        {
            WriteTable(spectra);
        }

        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)));
        report?.Write(writer => SpectrumReport.Write(writer, name, checkpoint.Config, spectra));
        return ExitCode.Success;
    }

    private static void WriteJson(Utf8JsonWriter json, HeadSpectrum spectrum)
    {
        json.WriteNumber("layer", spectrum.Layer);
        json.WriteString("matrix", spectrum.Matrix.Name());
        json.WriteNumber("head", spectrum.Head);
        json.WriteStartArray("singular_values");
        foreach (double value in spectrum.SingularValues)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
        foreach (var (name, value) in spectrum.Metrics.Named())
        {
            json.WriteNumberOrNull(name, value);
        }
    }

    // a field of numbers between spaces, so that a line has as many fields for every width of head
    private static string CsvLine(HeadSpectrum spectrum)
    {
        static string Number(double value) => double.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : string.Empty;
        string values = string.Join(' ', spectrum.SingularValues.Select(Number));
        string metrics = string.Join(',', spectrum.Metrics.Named().Select(metric => Number(metric.Value)));
        return string.Create(CultureInfo.InvariantCulture, $"{spectrum.Layer},{spectrum.Matrix.Name()},{spectrum.Head},{values},{metrics}\n");
    }

    private void WriteTable(List<HeadSpectrum> spectra)
    {
        var table = Tables.New(
            "layer", "matrix", "head", "largest", "smallest", "top-10", "first/last", "least-10", "effective rank", "stable rank", "entropy", "condition");
        foreach (HeadSpectrum spectrum in spectra)
        {
            table.Add(
            [
                spectrum.Layer.ToString(CultureInfo.InvariantCulture),
                spectrum.Matrix.Name(),
                spectrum.Head.ToString(CultureInfo.InvariantCulture),
                Figures.Short(spectrum.SingularValues[0]),
                Figures.Short(spectrum.SingularValues[^1]),
                .. spectrum.Metrics.Named().Select(metric => Figures.Short(metric.Value)),
            ]);
        }

        Tables.Write(_console, table);
    }
}
