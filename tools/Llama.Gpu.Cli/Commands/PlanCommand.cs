using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Cli.Commands;

/// <summary>How a model would lie in a device's memory, how fast it would be, and what more memory would buy.</summary>
internal sealed class PlanCommand : Command
{
    private const int DefaultContext = 4096;
    private const long Gibibyte = 1L << 30;

    // as many further budgets as are looked at closely; beyond, each is twice the one before
    private const int CloseSteps = 4;

    private readonly CliConsole _console;
    private readonly IModelSource _models;
    private readonly Option<string> _model = CommonOptions.Model();
    private readonly DeviceOptions _device = new();

    private readonly Option<string?> _preset = new("--preset")
    {
        Description = $"Instead of --model, a published one: {string.Join(", ", SyntheticPresets.Names)}.",
        HelpName = "NAME",
    };

    private readonly Option<int?> _context = CommonOptions.OptionalNumber<int>(
        "--context", "N", $"Positions of the KV cache; {DefaultContext} or as many as the model has.", "-c");

    private readonly Option<double?> _link = CommonOptions.OptionalNumber<double>(
        "--link", "GB/s", "Bandwidth from host to device; measured if not given.");

    private readonly Option<double?> _memory = CommonOptions.OptionalNumber<double>(
        "--memory", "GB/s", "Bandwidth of the device's memory; measured if not given.");

    public PlanCommand(CliConsole console, IModelSource models)
        : base("plan", "Prints what of a model would stay in device memory, what would be streamed, and the predicted speed.")
    {
        _console = console;
        _models = models;
        Add(_model);
        Add(_preset);
        Add(_context);
        Add(_link);
        Add(_memory);
        _device.AddTo(this);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        ModelLayout layout = Layout(parsed);
        LlamaConfig config = layout.Config;
        int context = parsed.GetValue(_context) ?? Math.Min(DefaultContext, config.MaxPositions);
        if (context < 1 || context > config.MaxPositions)
        {
            throw new UsageException($"--context: expected from 1 to the model's {config.MaxPositions} positions, found {context}");
        }

        DeviceChoice choice = _device.Get(parsed);
        using var device = DeviceSelector.Open(choice.Name);
        LinkSpeed speed = Speed(parsed, device.Accelerator);
        var request = new MemoryPlanRequest(choice.BudgetBytes ?? DeviceBudget.Available(device.Accelerator), context);
        MemoryPlan plan = MemoryPlan.Create(layout, For(device.Accelerator, layout, request, speed));
        MemoryPlan[] further = [.. Further(plan)];
        if (parsed.GetValue(CommonOptions.Json))
        {
            WriteJson(device.Name.ToString(), plan, further, speed);
        }
        else
        {
            WriteTables(device.Name.ToString(), plan, further, speed);
        }

        return ExitCode.Success;
    }

    private ModelLayout Layout(ParseResult parsed)
    {
        string? directory = parsed.GetValue(_model);
        string? preset = parsed.GetValue(_preset);
        if (directory is null == preset is null)
        {
            throw new UsageException("expected --model or --preset, found " + (preset is null ? "neither" : "both"));
        }

        if (preset is null)
        {
            using var checkpoint = _models.OpenCheckpoint(directory!);
            return ModelLayout.Of(checkpoint);
        }

        if (!SyntheticPresets.Names.Contains(preset))
        {
            throw new UsageException($"--preset: expected one of {string.Join(", ", SyntheticPresets.Names)}, found '{preset}'");
        }

        LlamaConfig config = SyntheticPresets.Get(preset);
        return ModelLayout.Of(config, config.DeclaredType ?? TensorType.BFloat16);
    }

    private LinkSpeed Speed(ParseResult parsed, Accelerator accelerator)
    {
        double? link = Bandwidth(parsed, _link);
        double? memory = Bandwidth(parsed, _memory);
        if (link is double givenLink && memory is double givenMemory)
        {
            // both given: another machine than this one, with a memory of its own
            return new LinkSpeed(givenLink, givenMemory, SharesMemory: false);
        }

        LinkSpeed measured = LinkProbe.Measure(accelerator);
        return measured with { LinkBytesPerSecond = link ?? measured.LinkBytesPerSecond, MemoryBytesPerSecond = memory ?? measured.MemoryBytesPerSecond };
    }

    // another machine's bandwidths: a device with a memory of its own, for which slots and chunks are not cut to the host's caches
    private static MemoryPlanRequest For(Accelerator accelerator, ModelLayout layout, MemoryPlanRequest request, LinkSpeed speed)
    {
        bool isAnother = LinkProbe.SharesMemory(accelerator) && !speed.SharesMemory;
        return isAnother
            ? (request with { ChunkLength = request.ChunkLength }).For(accelerator, layout) with
            {
                LargestSlotBytes = request.LargestSlotBytes, SlotCount = request.SlotCount,
            }
            : request.For(accelerator, layout);
    }

    private static double? Bandwidth(ParseResult parsed, Option<double?> option) => parsed.GetValue(option) switch
    {
        null => null,
        > 0 and double gigabytes when double.IsFinite(gigabytes) => gigabytes * 1e9,
        double other => throw new UsageException(string.Create(
            CultureInfo.InvariantCulture, $"{option.Name}: expected more than 0 GB/s, found {other}")),
    };

    // the same with more memory, until nothing is streamed
    private static IEnumerable<MemoryPlan> Further(MemoryPlan plan)
    {
        long step = Gibibyte;
        for (int i = 1; plan.StreamedBytesPerToken > 0; i++)
        {
            plan = MemoryPlan.Create(plan.Layout, plan.Request with { BudgetBytes = plan.Request.BudgetBytes + step });
            step = i < CloseSteps ? Gibibyte : 2 * step;
            yield return plan;
        }
    }

    private void WriteTables(string device, MemoryPlan plan, MemoryPlan[] further, LinkSpeed speed)
    {
        var parts = Tables.New("device memory", "size");
        parts.Add("resident weights", ByteSize.Format(plan.ResidentBytes));
        parts.Add("staging slots", plan.Streams ? $"{plan.SlotCount} x {ByteSize.Format(plan.SlotBytes)}" : "none");
        parts.Add($"KV cache of {plan.Request.ContextLength} positions", ByteSize.Format(plan.SessionBytes.CacheBytes));
        parts.Add("activations", ByteSize.Format(plan.SessionBytes.ActivationBytes));
        parts.Add("together", ByteSize.Format(plan.PlannedBytes));
        parts.Add("budget", ByteSize.Format(plan.Request.BudgetBytes));
        parts.Add("smallest budget", ByteSize.Format(plan.SmallestBudget));
        Tables.Write(_console, parts);

        var budgets = Tables.New("budget", "resident", "streamed a token", "s a token", "tokens/s", "gain");
        double before = 0;
        foreach (MemoryPlan found in further.Prepend(plan))
        {
            double seconds = PlanPrediction.Of(found, speed).SecondsPerToken;
            budgets.Add(
                ByteSize.Format(found.Request.BudgetBytes),
                ByteSize.Format(found.ResidentBytes),
                ByteSize.Format(found.StreamedBytesPerToken),
                Text(seconds, "0.0000"),
                Text(1 / seconds, "0.00"),
                before > 0 ? Text(before / seconds, "0.00") + " times" : string.Empty);
            before = seconds;
        }

        Tables.Write(_console, budgets);
        _console.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"[predicted for {device}: link {speed.LinkBytesPerSecond / 1e9:0.0} GB/s, memory {speed.MemoryBytesPerSecond / 1e9:0.0} GB/s"
            + $"{(speed.SharesMemory ? ", the same memory for both" : string.Empty)}]"));
    }

    private void WriteJson(string device, MemoryPlan plan, MemoryPlan[] further, LinkSpeed speed) => JsonLine.Write(_console.Out, json =>
    {
        json.WriteString("device", device);
        WritePlan(json, plan, speed);
        json.WriteNumber("smallest_budget_bytes", plan.SmallestBudget);
        json.WriteNumber("link_bytes_per_second", speed.LinkBytesPerSecond);
        json.WriteNumber("memory_bytes_per_second", speed.MemoryBytesPerSecond);
        json.WriteBoolean("shares_memory", speed.SharesMemory);
        json.WriteStartArray("further");
        foreach (MemoryPlan found in further)
        {
            json.WriteStartObject();
            WritePlan(json, found, speed);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static void WritePlan(Utf8JsonWriter json, MemoryPlan plan, LinkSpeed speed)
    {
        PlanPrediction prediction = PlanPrediction.Of(plan, speed);
        json.WriteNumber("budget_bytes", plan.Request.BudgetBytes);
        json.WriteNumber("planned_bytes", plan.PlannedBytes);
        json.WriteNumber("resident_bytes", plan.ResidentBytes);
        json.WriteNumber("slot_count", plan.SlotCount);
        json.WriteNumber("slot_bytes", plan.SlotBytes);
        json.WriteNumber("cache_bytes", plan.SessionBytes.CacheBytes);
        json.WriteNumber("activation_bytes", plan.SessionBytes.ActivationBytes);
        json.WriteNumber("streamed_bytes_per_token", plan.StreamedBytesPerToken);
        json.WriteNumber("copy_seconds_per_token", prediction.CopySeconds);
        json.WriteNumber("compute_seconds_per_token", prediction.ComputeSeconds);
        json.WriteNumber("seconds_per_token", prediction.SecondsPerToken);
    }

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
