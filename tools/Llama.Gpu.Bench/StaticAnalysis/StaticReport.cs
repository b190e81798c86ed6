using System.Globalization;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>Writes what is known of every CUDA kernel without a device, as Markdown.</summary>
internal static class StaticReport
{
    private static readonly string[] Architectures = ["sm_80", "sm_90", "sm_90a"];

    /// <summary>Where the driver without a device stands in the repository.</summary>
    public static string DriverSource => Path.Combine(RepositoryFolder.Root, "Llama.Gpu.Tests", "Jit", "Cuda", "fake_driver.c");

    /// <summary>Writes the report.</summary>
    /// <exception cref="AssemblerException">ptxas or a C compiler is not here, or refuses a kernel.</exception>
    public static void Write(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var launches = LaunchRecorder.Make(DriverSource).Record(StaticCases.All());
        output.Write($"""
            # Every CUDA kernel, without a device

            Written by `llama-gpu-bench --static FILE`; nothing here was measured, **no kernel has run on a GPU for it**. Assembled by ptxas
            {NvidiaTools.Version()}, read from nvdisasm. Kernels are compiled for addresses and extents that are multiples of 16, as a model's are.

            ## Machine code
            Targets that give the same figures share a line. Main loop: the innermost loop with the most tensor-core instructions, then wide
            accesses of memory, then accesses; kernels without a loop count whole (*). Wide: of 128 bits a lane, or copied in blocks. Warps: on one multiprocessor at
            once, of {Occupancy.MostWarps}, for the group of the launches below, or the largest where there is none.

            | kernel | target | lanes | registers | shared bytes | spilled bytes | stack | warps | limited by | main loop | tensor | global wide | shared wide |
            |---|---|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|--:|

            """);
        WriteEach(output, KernelCatalog.OfGpus, kernel => CodeLines(kernel, launches.GetValueOrDefault(kernel)?.Launch));
        output.Write($"""

            ## Launches
            Each kernel's first launch by the cases of `StaticCases`, at shapes of Llama 3, on an accelerator of an H100's limits whose driver has no
            device. The same launches serve an A100 (sm_80) and, without warp groups, sm_90; numbers of groups there follow the device's multiprocessors.
            Accesses are followed through the first turns of the first group, lane by lane: passes over the banks of shared memory and sectors of
            global memory, both by the fewest that as much data takes (1 is best). Copies of boxes and the operands of warp groups are taken as the
            swizzling lays them. Data counts as 0, so an access that data chooses is not as in a model: the choice of a token is followed on its
            greedy way, without the weights.
            Least time: bytes and operations of the operation's `CostOf`, by the datasheets' ceilings
            ({string.Join("; ", Roofline.Devices.Select(Ceilings))}); what it is bound by is said for an {Roofline.Default.Name}.

            | kernel | launched for | groups | bank passes | worst access of shared memory | sectors | MB | MFLOP | {string.Join(" | ", Roofline.Devices.Select(device => $"{device.Name} µs"))} | bound by |
            |---|---|---|--:|---|--:|--:|--:|{string.Concat(Roofline.Devices.Select(_ => "--:|"))}---|

            """);
        WriteEach(output, KernelCatalog.OfGpus.Where(launches.ContainsKey), kernel => [LaunchLine(kernel, launches[kernel])]);
        string[] none = [.. KernelCatalog.OfGpus.Where(kernel => !launches.ContainsKey(kernel)).Select(kernel => $"`{kernel.Name}`")];
        output.WriteLine();
        output.WriteLine(none.Length == 0
            ? "Every kernel is launched by a case."
            : $"For devices with fewer lanes a group, so launched by no case on such a device: {string.Join(", ", none)}.");
    }

    // assembling takes a process each, and all of them some minutes
    private static void WriteEach(TextWriter output, IEnumerable<CatalogedKernel> kernels, Func<CatalogedKernel, IReadOnlyList<string>> lines)
    {
        foreach (string line in kernels.AsParallel().AsOrdered().SelectMany(lines))
        {
            output.WriteLine(line);
        }
    }

    private static string[] CodeLines(CatalogedKernel kernel, RecordedLaunch? launch)
    {
        var targets = Architectures.Where(name => kernel.IsFor(PtxTarget.Parse(name)));
        return [.. targets.GroupBy(target => CodeFigures.Of(kernel, target, launch)).Select(same => CodeLine(kernel, string.Join(' ', same), launch, same.Key))];
    }

    private static string Ceilings(Roofline device) => string.Create(
        CultureInfo.InvariantCulture,
        $"{device.Name}: {device.BytesPerSecond / 1e12:0.00} TB/s, {device.FlopsPerSecond / 1e12:0.0} TFLOP/s in f32, {device.DoubleFlopsPerSecond / 1e12:0.0} in f64, {device.TensorFlopsPerSecond / 1e12:0} on tensor cores");

    private static string CodeLine(CatalogedKernel kernel, string targets, RecordedLaunch? launch, CodeFigures figures)
    {
        (ResourceUsage usage, MachineLoop loop) = (figures.Usage, figures.Loop);
        return Line(
            kernel.Name, targets, launch?.Group.Size ?? kernel.Lanes, usage.Registers, usage.SharedBytes + (launch?.DynamicSharedBytes ?? 0),
            usage.SpillStoreBytes + usage.SpillLoadBytes, usage.StackBytes, figures.Occupancy.Warps, figures.Occupancy.Limit,
            $"{loop.Instructions}{(loop.IsLoop ? string.Empty : "*")}", loop.Tensor, $"{loop.GlobalWide} of {loop.Global}", $"{loop.SharedWide} of {loop.Shared}");
    }

    private static string LaunchLine(CatalogedKernel kernel, CostedLaunch found)
    {
        RecordedLaunch launch = found.Launch;
        var accesses = AccessFigures.Of(launch);
        string Microseconds(Roofline device) =>
            Text(found.Cost is { } cost && kernel.IsFor(PtxTarget.Parse(device.Architecture)) ? device.Least(cost, found.Arithmetic).Seconds * 1e6 : null, "0.0");

        return Line(
            kernel.Name, found.Shape, $"{launch.Grid.X} x {launch.Grid.Y} x {launch.Grid.Z}",
            Ratio(accesses.Shared), accesses.Worst is { } worst ? $"{Text(worst.Ratio, "0.0")} at {worst.Line}" : "none", Ratio(accesses.Global),
            Text(found.Cost?.Bytes / 1e6, "0.0"), Text(found.Cost?.Flops / 1e6, "0"),
            string.Join(" | ", Roofline.Devices.Select(Microseconds)),
            found.Cost is { } counted ? Roofline.Default.Least(counted, found.Arithmetic).ByMemory ? "memory" : "arithmetic" : string.Empty);
    }

    private static string Ratio(WarpAccess access) => access.Least == 0 ? "none" : Text((double)access.Parts / access.Least, "0.00");

    private static string Text(double? number, string format) => number?.ToString(format, CultureInfo.InvariantCulture) ?? string.Empty;

    private static string Line(params object[] cells) => $"| {string.Join(" | ", cells.Select(cell => string.Create(CultureInfo.InvariantCulture, $"{cell}")))} |";
}
