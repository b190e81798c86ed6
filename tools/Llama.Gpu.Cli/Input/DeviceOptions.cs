using System.CommandLine;

namespace Llama.Gpu.Cli.Input;

/// <summary>Where a model runs, and with how much: the options of the verbs that run one.</summary>
internal sealed class DeviceOptions
{
    private readonly Option<DeviceName?> _device = new("--device", "-d")
    {
        Description = "auto, cpu, simd, opencl[:N] or cuda[:N].",
        HelpName = "NAME",
        CustomParser = result => CommonOptions.Parse<DeviceName?>(result, text => DeviceName.Parse(text)),
    };

    private readonly Option<long?> _vram =
        CommonOptions.Parsed<long?>("--vram", "SIZE", "Device memory budget, such as 1.5GiB.", text => ByteSize.Parse(text));

    private readonly Option<int?> _threads =
        CommonOptions.OptionalNumber<int>("--threads", "N", "Threads of the host's processor.", "-t");

    public void AddTo(Command command)
    {
        command.Add(_device);
        command.Add(_vram);
        command.Add(_threads);
    }

    /// <summary>The device asked for, and its budget.</summary>
    /// <exception cref="UsageException">Threads out of range.</exception>
    /// <exception cref="NotAvailableException">An option that this build does not carry out yet.</exception>
    public DeviceChoice Get(ParseResult parsed)
    {
        if (parsed.GetValue(_threads) is int threads)
        {
            throw threads < 1
                ? new UsageException($"--threads: expected at least 1, found {threads}")
                : new NotAvailableException("--threads: not available in this build; leave it out");
        }

        return new DeviceChoice(parsed.GetValue(_device) ?? new DeviceName(DeviceKind.Auto), parsed.GetValue(_vram));
    }
}

/// <summary>A device and how much of its memory may be used.</summary>
/// <param name="Name">The device.</param>
/// <param name="BudgetBytes">Most bytes; null for what the device has free, less a margin.</param>
internal readonly record struct DeviceChoice(DeviceName Name, long? BudgetBytes = null);
