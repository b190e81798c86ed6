using System.CommandLine;
using Llama.Gpu;
using Llama.Gpu.Bench;
using Llama.Gpu.Bench.Comparison;
using Llama.Gpu.Bench.StaticAnalysis;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Measurement;

if (args is [StartUp.SampleOption, var sample, var folder])
{
    StartUp.PrintSample(sample, folder);
    return 0;
}

var devices = new Option<DeviceName[]>("--device", "-d")
{
    Description = "auto, cpu, simd, opencl[:N] or cuda[:N]; may be given more than once.",
    HelpName = "NAME",
    Arity = ArgumentArity.OneOrMore,
    DefaultValueFactory = _ => [new DeviceName(DeviceKind.Auto)],
    CustomParser = result =>
    {
        try
        {
            return [.. result.Tokens.Select(token => DeviceName.Parse(token.Value))];
        }
        catch (FormatException exception)
        {
            result.AddError(exception.Message);
            return [];
        }
    },
};
var filter = new Option<string>("--filter", "-f")
{
    Description = "Only cases whose name, shape or type (as printed: MatVec N=4096 K=14336 BFloat16) contains this; case does not matter.",
    HelpName = "TEXT",
    DefaultValueFactory = _ => string.Empty,
};
var rounds = new Option<int>("--rounds", "-r")
{
    Description = "Samples of each case; the median is printed.", HelpName = "N", DefaultValueFactory = _ => 11,
};
rounds.Validators.Add(result =>
{
    if (result.GetValue(rounds) < 1)
    {
        result.AddError("--rounds: expected at least 1");
    }
});
var json = new Option<bool>("--json") { Description = "One JSON object a line." };
var startUp = new Option<bool>("--start-up")
{
    Description = "Instead: what a fresh process spends on a model's kernels; each sample is a process of its own.",
};
var spectrum = new Option<bool>("--spectrum")
{
    Description = "Instead: the singular values of a layer of Llama 3 8B, beside MathNet's.",
};
var list = new Option<string>("--cases", "-c")
{
    Description = $"The list of cases: {string.Join(", ", BenchCases.Lists.Keys)}.", HelpName = "NAME", DefaultValueFactory = _ => "operations",
};
list.AcceptOnlyFromAmong([.. BenchCases.Lists.Keys]);
var compare = new Option<string[]>("--compare")
{
    Description = "Instead: the ratios of results in files of JSON lines, ours beside those that name a library (\"by\"); tools/gpu-check makes both.",
    HelpName = "FILE",
    Arity = ArgumentArity.OneOrMore,
    AllowMultipleArgumentsPerToken = true,
};
var staticReport = new Option<string>("--static")
{
    Description = "Instead: what is known of every CUDA kernel without a device, as Markdown; needs ptxas, nvdisasm and cc, and the repository.",
    HelpName = "FILE",
};
var root = new RootCommand("Checks each operation against its specification, then times it against the device's own ceilings.")
{
    devices, list, filter, rounds, startUp, spectrum, compare, staticReport, json,
};
root.SetAction(parsed =>
{
    string wanted = parsed.GetValue(filter)!;
    bool asJson = parsed.GetValue(json);
    if (parsed.GetValue(compare) is { Length: > 0 } files)
    {
        return Told(() => Compare(files, asJson));
    }

    if (parsed.GetValue(staticReport) is string reportFile)
    {
        return Told(() =>
        {
            using var output = new StringWriter { NewLine = "\n" };
            StaticReport.Write(output);
            File.WriteAllText(reportFile, output.ToString());
        });
    }

    bool failed = false;
    var rows = new List<BenchRow>();
    void Add(BenchRow row)
    {
        failed |= row.Problem is not null;
        rows.Add(row);
        if (asJson)
        {
            Report.WriteJson(Console.Out, row);
        }
    }

    try
    {
        DeviceName[] names = parsed.GetValue(devices)!;
        if (parsed.GetValue(startUp))
        {
            foreach (BenchRow row in StartUp.Run(names, parsed.GetValue(rounds)))
            {
                Add(row);
            }

            names = [];
        }

        if (parsed.GetValue(spectrum))
        {
            foreach (BenchRow row in SpectralLayer.Run(names, parsed.GetValue(rounds)))
            {
                Add(row);
            }

            names = [];
        }

        foreach (DeviceName name in names)
        {
            using var device = DeviceSelector.Open(name);
            using var probe = CeilingProbe.For(device.Accelerator);
            var runner = new CaseRunner(device, probe, parsed.GetValue(rounds));
            var cases = BenchCases.Lists[parsed.GetValue(list)!]().Where(opCase => opCase.ToString().Contains(wanted, StringComparison.OrdinalIgnoreCase));
            foreach (BenchRow row in runner.Ceilings().Concat(runner.Launches()).Concat(cases.Select(runner.Run)))
            {
                Add(row);
            }
        }
    }
    catch (Exception exception) when (exception is LlamaException or AcceleratorException or InvalidKernelOperationException)
    {
        Console.Error.WriteLine($"error: {exception.Message}");
        failed = true;
    }

    if (!asJson)
    {
        Report.WriteTable(rows);
    }

    return failed ? 1 : 0;
});
return root.Parse(args).Invoke();

static void Compare(string[] files, bool asJson)
{
    IReadOnlyList<Ratio> ratios = Ratio.Of(files.SelectMany(file => MeasuredCase.Read(file, File.ReadLines(file))));
    foreach (Ratio ratio in asJson ? ratios : [])
    {
        RatioReport.WriteJson(Console.Out, ratio);
    }

    if (!asJson)
    {
        Report.Write(RatioReport.Table(ratios));
    }
}

static int Told(Action work)
{
    try
    {
        work();
        return 0;
    }
    catch (Exception exception) when (exception is LlamaException or IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"error: {exception.Message}");
        return 1;
    }
}
