using System.Diagnostics;
using System.Globalization;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Measurement;
using Llama.Gpu.Model;

namespace Llama.Gpu.Bench;

/// <summary>
/// What a fresh process spends on the kernels of a model: each sample is a process of its own, that runs a prefill and one token of the
/// preset <c>tiny</c> in bf16 and says what its accelerator counts (<see cref="KernelLoading"/>). For PTX and OpenCL C also the time to
/// make the text of every bf16 and untyped kernel, without a device.
/// </summary>
internal static class StartUp
{
    /// <summary>What a child process is called with: the sample's name, then the model's folder.</summary>
    public const string SampleOption = "--start-up-sample";

    private const string CacheVariable = "LLAMA_GPU_CACHE";
    private const string PtxText = "ptx";
    private const string OpenClText = "opencl-text";
    private static readonly PtxTarget TextTarget = PtxTarget.Parse("sm_90");

    /// <summary>The medians for devices.</summary>
    /// <param name="devices">The devices; for <c>opencl</c> and <c>cuda</c>, with an empty cache and again with a full one.</param>
    /// <param name="samples">Processes for each median.</param>
    public static IEnumerable<BenchRow> Run(IEnumerable<DeviceName> devices, int samples)
    {
        var folder = Directory.CreateTempSubdirectory("llama-gpu-start-up-");
        try
        {
            string model = Path.Combine(folder.FullName, "model");
            SyntheticCheckpoint.Write(model, SyntheticPresets.Get("tiny"), TensorType.BFloat16, seed: 0);
            foreach (DeviceName device in devices)
            {
                string name = device.ToString();
                yield return Row(name, "no cache", Enumerable.Range(0, samples).Select(_ => Sample(name, model, "off")));
                if (device.Kind is DeviceKind.OpenCl or DeviceKind.Cuda or DeviceKind.Auto)
                {
                    string cache = Path.Combine(folder.FullName, $"cache.{device.Kind}.{device.Index}");
                    Sample(name, model, cache);
                    yield return Row(name, "from the cache", Enumerable.Range(0, samples).Select(_ => Sample(name, model, cache)));
                }
            }

            foreach (string text in (string[])[PtxText, OpenClText])
            {
                yield return Row(text, "text alone", Enumerable.Range(0, samples).Select(_ => Sample(text, model, "off")));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The child's part: prints kernels compiled, kernels from the cache, and milliseconds.</summary>
    public static void PrintSample(string name, string model)
    {
        KernelLoading loading = name is PtxText or OpenClText ? EmitTexts(name) : RunModel(DeviceName.Parse(name), model);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{loading.Compiled} {loading.FromCache} {loading.Time.TotalMilliseconds:0.000}"));
    }

    private static KernelLoading RunModel(DeviceName name, string model)
    {
        using var device = DeviceSelector.Open(name);
        using var checkpoint = Checkpoint.Open(model);
        using var loaded = LlamaModel.Load(checkpoint, device.Accelerator);
        using var session = loaded.CreateSession(16);
        session.Forward([1, 2, 3, 4, 5]);
        session.Forward([6]);
        return device.Accelerator.KernelLoading;
    }

    private static KernelLoading EmitTexts(string name)
    {
        long began = Stopwatch.GetTimestamp();
        int count = 0;
        var options = new PtxOptions(TextTarget);
        foreach (CatalogedKernel kernel in KernelCatalog.OfModelOnGpu.Where(kernel => IsOffered(kernel, name)))
        {
            _ = name == PtxText ? KernelText.Ptx(kernel.Method, options).Text : KernelText.OpenCl(kernel.Method);
            count++;
        }

        return new(count, 0, Stopwatch.GetElapsedTime(began));
    }

    private static bool IsOffered(CatalogedKernel kernel, string name) =>
        name == PtxText ? kernel.IsFor(TextTarget) : kernel.Target == KernelTarget.Any;

    private static BenchRow Row(string device, string state, IEnumerable<KernelLoading> samples)
    {
        KernelLoading[] all = [.. samples];
        string shape = $"{all[0].Compiled} compiled, {all[0].FromCache} cached: {state}";
        return new("start-up", device, "bf16", shape, PairedMeasurement.Median(all.Select(sample => sample.Time.TotalSeconds)));
    }

    private static KernelLoading Sample(string name, string model, string cache)
    {
        string program = Environment.ProcessPath ?? throw new InvalidOperationException("this process has no path");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        }

        start.ArgumentList.Add(SampleOption);
        start.ArgumentList.Add(name);
        start.ArgumentList.Add(model);
        start.Environment[CacheVariable] = cache;
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 && output.Split(' ') is [var compiled, var cached, var milliseconds]
            ? new(
                int.Parse(compiled, CultureInfo.InvariantCulture),
                int.Parse(cached, CultureInfo.InvariantCulture),
                TimeSpan.FromMilliseconds(double.Parse(milliseconds, CultureInfo.InvariantCulture)))
            : throw new DeviceException(name, $"the process that was to measure its start-up ended with {process.ExitCode}");
    }
}
