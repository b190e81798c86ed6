using System.Diagnostics;
using System.Runtime.InteropServices;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Kernels;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>
/// Runs the launchers on a CUDA accelerator whose driver has no device and writes down what it is asked for: so a case's kernels, grids
/// and arguments are those that an H100 would be given, new ways of a launcher included.
/// </summary>
/// <param name="driver">The driver made of <c>fake_driver.c</c>, loaded.</param>
internal sealed unsafe class LaunchRecorder(nint driver)
{
    private const string Variable = "LLAMA_CUDA_LIBRARY";

    /// <summary>Makes the driver and has this process find it. Before anything else asks for CUDA.</summary>
    /// <param name="source">Path of <c>fake_driver.c</c>.</param>
    /// <exception cref="AssemblerException">There is no C compiler, or it fails.</exception>
    public static LaunchRecorder Make(string source)
    {
        string library = Path.Combine(Directory.CreateTempSubdirectory("llama-gpu-driver-").FullName, "libfakecuda.so");
        try
        {
            using var compiler = Process.Start("cc", ["-shared", "-fPIC", "-O1", "-o", library, source]);
            compiler.WaitForExit();
            if (compiler.ExitCode != 0)
            {
                throw new AssemblerException($"cc cannot make a driver of {source}");
            }
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new AssemblerException($"no C compiler: {exception.Message}");
        }

        Environment.SetEnvironmentVariable(Variable, library);
        return new LaunchRecorder(NativeLibrary.Load(library));
    }

    /// <summary>The first launch of each kernel by the cases: with the ways that a device of compute capability 9.0 takes by itself first.</summary>
    public IReadOnlyDictionary<CatalogedKernel, CostedLaunch> Record(IEnumerable<StaticCase> cases)
    {
        var launches = new Dictionary<CatalogedKernel, CostedLaunch>();
        using Context context = Context.Create(builder => builder.Cuda());
        using CudaAccelerator accelerator = context.CreateCudaAccelerator(0);
        LaunchShapes shapes = LaunchShapes.For(accelerator);
        foreach (LaunchShapes chosen in (LaunchShapes[])[shapes, shapes with { WarpGroups = false }, shapes with { TensorCores = false }])
        {
            var kernels = new KernelSet(accelerator, chosen);
            foreach (StaticCase found in cases)
            {
                RecordedLaunch[] made = Launches(found.Case, accelerator, kernels);
                foreach (RecordedLaunch launch in made)
                {
                    launches.TryAdd(launch.Kernel, new(launch, found.Case.Shape, found.CostOf(launch, made), ArithmeticOf(launch, found)));
                }
            }
        }

        return launches;
    }

    private static Arithmetic ArithmeticOf(RecordedLaunch launch, StaticCase found) =>
        launch.Kernel.Target is KernelTarget.TensorCores or KernelTarget.WarpGroups ? Arithmetic.TensorCores : found.Arithmetic;

    private RecordedLaunch[] Launches(OpCase opCase, Accelerator accelerator, KernelSet kernels)
    {
        using var data = new OpData(accelerator, kernels, isBlank: true);
        OpRun run = opCase.Prepare(data);
        Clear();
        run.Launch(accelerator.DefaultStream);
        string log = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)NativeLibrary.GetExport(driver, "fake_log"))())!;
        var integers = data.Integers
            .SelectMany(uploaded => uploaded.Values.Select((value, i) => (Address: uploaded.View.Address + (i * sizeof(int)), value)))
            .Where(integer => integer.value != 0)
            .ToDictionary(integer => (long)integer.Address, integer => integer.value);
        return [.. RecordedLaunch.Parse(log).Select(launch => launch with { Integers = integers })];
    }

    private void Clear() => ((delegate* unmanaged<void>)NativeLibrary.GetExport(driver, "fake_clear"))();
}

/// <summary>A launch with what is known of it beforehand.</summary>
/// <param name="Launch">The launch.</param>
/// <param name="Shape">Shape of the case.</param>
/// <param name="Cost">Its bytes and operations; null where they are not known.</param>
/// <param name="Arithmetic">What they run on.</param>
internal sealed record CostedLaunch(RecordedLaunch Launch, string Shape, Cost? Cost, Arithmetic Arithmetic);
