using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>The passes that a function goes through between the frontend and a backend, in order.</summary>
internal static class PassPipeline
{
    private static readonly Pass[] Cleanup =
    [
        new("constant folding", ConstantFolding.Run),
        new("branch flattening", BranchFlattening.Run),
        new("branch simplification", BranchSimplification.Run),
        new("copy propagation", CopyPropagation.Run),
        new("dead code", DeadCode.Run),
    ];

    /// <summary>Every pass, in order.</summary>
    public static IReadOnlyList<Pass> Passes { get; } =
    [
        .. Cleanup,
        new("locals to registers", LocalsToRegisters.Run),
        .. Cleanup,
        new("address spaces", AddressSpaces.Run),
        new("loop unrolling", LoopUnrolling.Run),
        new("locals to registers", LocalsToRegisters.Run),
        .. Cleanup,
        new("address arithmetic", AddressArithmetic.Run),
        new("common subexpressions", CommonSubexpressions.Run),
        new("loop invariants", LoopInvariants.Run),
        new("partial unrolling", PartialUnrolling.Run),
        .. Cleanup,
        new("address arithmetic", AddressArithmetic.Run),
        new("common subexpressions", CommonSubexpressions.Run),
        new("loop invariants", LoopInvariants.Run),
        new("memory widening", MemoryWidening.Run),
        .. Cleanup,
        new("common subexpressions", CommonSubexpressions.Run),
    ];

    /// <summary>Improves a function in place; afterwards every pointer's address space is known.</summary>
    /// <exception cref="KernelCompilationException">A pointer may point into memory of different kinds.</exception>
    public static void Run(IrFunction function, PassOptions options)
    {
        foreach (Pass pass in Passes)
        {
            pass.Run(function, options);
            if (options.Verify)
            {
                IrVerifier.Check(function, pass.Name);
            }

            options.AfterPass?.Invoke(pass.Name, function);
        }
    }
}

/// <summary>One step of the pipeline.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Run">Changes the function in place.</param>
internal sealed record Pass(string Name, Action<IrFunction, PassOptions> Run);
