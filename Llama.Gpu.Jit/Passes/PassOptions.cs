using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>What the passes may take for granted of a launch and of the accelerator, and how far they go.</summary>
internal sealed record PassOptions
{
    /// <summary>Built-ins that are constants in this compilation, such as <see cref="BuiltIn.WarpSize"/>.</summary>
    public IReadOnlyDictionary<BuiltIn, int> BuiltIns { get; init; } = new Dictionary<BuiltIn, int>();

    /// <summary>
    /// By parameter number, a power of two that the argument is a multiple of: for pointers the alignment in bytes, for integers
    /// such as a row length what makes addresses computed from it aligned. A parameter that is not stated is a multiple of 1.
    /// </summary>
    public IReadOnlyDictionary<int, int> Multiples { get; init; } = new Dictionary<int, int>();

    /// <summary>Bytes of the widest load or store; below 4 nothing is widened.</summary>
    public int MaxVectorBytes { get; init; } = 16;

    /// <summary>Whether a wide load or store must be aligned; where it need not be, neighbours are joined wherever they lie.</summary>
    public bool WideAccessIsAligned { get; init; } = true;

    /// <summary>Whether neighbours in a lane's own memory are joined too; of no use where lanes' memories are interleaved.</summary>
    public bool WidensLocalMemory { get; init; } = true;

    /// <summary>Whether neighbours at addresses that all lanes share are joined too; of no use where such a load is one of a scalar.</summary>
    public bool WidensUniformAccess { get; init; } = true;

    /// <summary>Instructions that a fully unrolled loop may come to.</summary>
    public int FullUnrollBudget { get; init; } = 1024;

    /// <summary>The same for a loop over a lane's own array, which is kept in registers if its loops are written out.</summary>
    public int LocalArrayUnrollBudget { get; init; } = 8192;

    /// <summary>Instructions that unrolling may bring a whole function to.</summary>
    public int FunctionBudget { get; init; } = 16384;

    /// <summary>Copies of the body that an innermost counted loop with loads gets; 1 leaves such loops alone.</summary>
    public int PartialUnrollFactor { get; init; } = 4;

    /// <summary>Instructions that a partly unrolled loop may come to.</summary>
    public int PartialUnrollBudget { get; init; } = 256;

    /// <summary>Whether the function is checked after every pass.</summary>
    public bool Verify { get; init; } = IsDebugBuild;

    /// <summary>Called after every pass with its name: for printing and for tests.</summary>
    public Action<string, IrFunction>? AfterPass { get; init; }

    private static bool IsDebugBuild =>
#if DEBUG
        true;
#else
        false;
#endif
}
