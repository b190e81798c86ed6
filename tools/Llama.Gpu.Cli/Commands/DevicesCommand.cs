using System.CommandLine;
using System.Globalization;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;

namespace Llama.Gpu.Cli.Commands;

/// <summary>What models can run on.</summary>
internal sealed class DevicesCommand : Command
{
    private readonly CliConsole _console;

    public DevicesCommand(CliConsole console)
        : base("devices", "Lists every device, its memory and its measured bandwidth, or why it cannot be used.")
    {
        _console = console;
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        var devices = DeviceSelector.List().Select(Measure);
        if (parsed.GetValue(CommonOptions.Json))
        {
            foreach (var device in devices)
            {
                WriteJson(device);
            }

            return ExitCode.Success;
        }

        var table = Tables.New("device", "name", "memory", "copy bandwidth", "usable");
        foreach (var device in devices)
        {
            table.Add(
                device.Report.Name.ToString(),
                device.Name ?? string.Empty,
                device.MemoryBytes is long bytes ? ByteSize.Format(bytes) : string.Empty,
                device.Bandwidth is double speed ? string.Create(CultureInfo.InvariantCulture, $"{speed / 1e9:0.0} GB/s") : string.Empty,
                device.Report.Problem ?? "yes");
        }

        Tables.Write(_console, table);
        return ExitCode.Success;
    }

    private static Measured Measure(DeviceReport report)
    {
        if (report.Problem is not null)
        {
            return new Measured(report, null, null, null);
        }

        using var device = DeviceSelector.Open(report.Name);
        var accelerator = device.Accelerator;
        return new Measured(report, accelerator.Name, accelerator.MemorySize, DeviceBandwidth.MeasureCopy(accelerator));
    }

    private void WriteJson(Measured device) => JsonLine.Write(_console.Out, json =>
    {
        json.WriteString("device", device.Report.Name.ToString());
        json.WriteBoolean("usable", device.Report.Problem is null);
        json.WriteString("name", device.Name);
        json.WriteNumberOrNull("memory_bytes", device.MemoryBytes);
        json.WriteNumberOrNull("bandwidth_bytes_per_second", device.Bandwidth);
        json.WriteString("reason", device.Report.Problem);
    });

    private sealed record Measured(DeviceReport Report, string? Name, long? MemoryBytes, double? Bandwidth);
}
