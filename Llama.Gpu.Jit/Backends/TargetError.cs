using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends;

/// <summary>Operations that not every target has.</summary>
internal static class TargetError
{
    /// <summary>The error for the first of a function's operations that a target does not have.</summary>
    /// <param name="function">The kernel.</param>
    /// <param name="instruction">The operation.</param>
    /// <param name="target">The target, for people.</param>
    public static KernelCompilationException NotOffered(IrFunction function, Instruction instruction, string target)
    {
        SourcePoint source = instruction.Source;
        (string number, string what, string instead) = instruction.Op switch
        {
            Op.MatrixMultiply or Op.LoadMatrix => (
                "JIT0201", "tensor cores", "choose a kernel that multiplies with scalar arithmetic there, by the accelerator's launch shapes"),
            _ when instruction.IsOfWarpGroups => (
                "JIT0203", "products of warp groups and barriers with phases", "choose a kernel for warps there, by the accelerator's launch shapes"),
            _ => ("JIT0202", "asynchronous copies", "copy with a load and a store there, and a barrier"),
        };
        string who = instruction.IsOfWarpGroups ? "of compute capability 9.0 (sm_90a) have" : "of compute capability 8.0 and up have";
        return new KernelCompilationException(
            number, function.Name, source.File, source.Line, $"{target} has no {what}, which CUDA devices {who}", instead);
    }
}
