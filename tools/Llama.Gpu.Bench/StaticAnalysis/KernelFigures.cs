using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Kernels;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>What the machine code of a kernel shows.</summary>
/// <param name="Usage">What it takes.</param>
/// <param name="Loop">Its main loop.</param>
/// <param name="LocalAccesses">Loads and stores of local memory.</param>
/// <param name="Occupancy">Warps of it on a multiprocessor.</param>
internal sealed record CodeFigures(ResourceUsage Usage, MachineLoop Loop, int LocalAccesses, Occupancy Occupancy)
{
    /// <summary>Assembles and reads a kernel.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="architecture">The target.</param>
    /// <param name="launch">How it is launched; where that is not known, by as many lanes as it may have.</param>
    public static CodeFigures Of(CatalogedKernel kernel, string architecture, RecordedLaunch? launch)
    {
        string text = KernelText.Ptx(kernel.Method, new PtxOptions(PtxTarget.Parse(architecture), kernel.Lanes)).Text;
        AssembledKernel assembled = NvidiaTools.Assemble(text, architecture, disassembled: true);
        MachineCode code = MachineCode.Parse(assembled.Code);
        int lanes = launch?.Group.Size ?? kernel.Lanes;
        int shared = assembled.Usage.SharedBytes + (launch?.DynamicSharedBytes ?? 0);
        return new(assembled.Usage, code.MainLoop, code.LocalAccesses, Occupancy.Of(architecture, assembled.Usage.Registers, shared, lanes));
    }
}

/// <summary>How a launch of a kernel reads and writes memory.</summary>
/// <param name="Shared">Passes over the banks of shared memory, all accesses together.</param>
/// <param name="Global">Sectors of global memory, likewise.</param>
/// <param name="Worst">The access with the most passes by the least; null where shared memory is not touched.</param>
internal sealed record AccessFigures(WarpAccess Shared, WarpAccess Global, WorstAccess? Worst)
{
    // long enough for the first turns of every loop
    private const int MostInstructions = 5_000;

    /// <summary>Follows every warp of the first group of a launch.</summary>
    public static AccessFigures Of(RecordedLaunch launch)
    {
        var shared = new Dictionary<Instruction, WarpAccess>();
        var global = new Dictionary<Instruction, WarpAccess>();
        IrFunction function = KernelText.Optimized(launch.Kernel.Method, launch.Variant);
        for (int warp = 0; warp * 32 < launch.Group.Size; warp++)
        {
            WarpTrace.Run(function, launch, warp, MostInstructions, (instruction, space, access) =>
            {
                Dictionary<Instruction, WarpAccess> sums = space == AddressSpace.Global ? global : shared;
                sums[instruction] = sums.GetValueOrDefault(instruction) + access;
            });
        }

        return new(Sum(shared), Sum(global), shared.Select(WorstAccess.Of).MaxBy(access => access.Ratio));
    }

    private static WarpAccess Sum(Dictionary<Instruction, WarpAccess> accesses) =>
        accesses.Values.Aggregate(default(WarpAccess), (sum, access) => sum + access);
}

/// <summary>An access of shared memory.</summary>
/// <param name="Line">Its C# line.</param>
/// <param name="Ratio">Passes by the fewest possible.</param>
internal sealed record WorstAccess(string Line, double Ratio)
{
    /// <summary>The figures of one instruction.</summary>
    public static WorstAccess Of(KeyValuePair<Instruction, WarpAccess> access) =>
        new($"{access.Key.Source} ({access.Key.Op})", (double)access.Value.Parts / Math.Max(1, access.Value.Least));
}
