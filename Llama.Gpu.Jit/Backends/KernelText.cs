using System.Reflection;
using Llama.Gpu.Jit.Backends.OpenCl;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Jit.Backends;

/// <summary>Kernels as text, without a device: for reading, and for assemblers and profilers.</summary>
public static class KernelText
{
    private const int WarpSize = 32;

    /// <summary>A kernel as PTX.</summary>
    /// <param name="kernel">The kernel's method, with every type argument given.</param>
    /// <param name="options">What it is written for.</param>
    /// <param name="aligned">Whether every address and every integer that it is launched with is taken to be a multiple of 16.</param>
    /// <exception cref="KernelCompilationException">The kernel uses something outside the dialect.</exception>
    public static PtxKernel Ptx(MethodInfo kernel, PtxOptions options, bool aligned = true)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(options);
        return PtxEmitter.Emit(Optimized(kernel, Variant(kernel, aligned)), options);
    }

    /// <summary>A kernel as OpenCL C for a device that offers all that the emitter can use.</summary>
    /// <param name="kernel">The kernel's method, with every type argument given.</param>
    /// <param name="aligned">Whether every address and every integer that it is launched with is taken to be a multiple of 16.</param>
    /// <exception cref="KernelCompilationException">The kernel uses something outside the dialect.</exception>
    public static string OpenCl(MethodInfo kernel, bool aligned = true)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return OpenClEmitter.Emit(Optimized(kernel, Variant(kernel, aligned)), OpenClCapabilities.Full).Text;
    }

    /// <summary>A kernel's intermediate representation after all passes.</summary>
    /// <param name="kernel">The kernel's method, with every type argument given.</param>
    /// <param name="aligned">Whether every address and every integer that it is launched with is taken to be a multiple of 16.</param>
    /// <exception cref="KernelCompilationException">The kernel uses something outside the dialect.</exception>
    public static string Ir(MethodInfo kernel, bool aligned = true)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return IrPrinter.Print(Optimized(kernel, Variant(kernel, aligned)));
    }

    /// <summary>A kernel's function as the backends get it.</summary>
    /// <param name="kernel">The kernel's method.</param>
    /// <param name="variant">What it is compiled for.</param>
    internal static IrFunction Optimized(MethodInfo kernel, KernelVariant variant)
    {
        IrFunction function = KernelFrontend.Compile(
            kernel, new FrontendOptions { WarpSize = WarpSize, Constants = variant.Values.Constants });
        PassPipeline.Run(function, new PassOptions { Multiples = ArgumentMultiples.ToMultiples(variant.Multiples) });
        return function;
    }

    private static KernelVariant Variant(MethodInfo kernel, bool aligned) =>
        new(aligned ? ArgumentMultiples.All(ArgumentLayout.Of(kernel)) : 0, SpecializedArguments.None);
}
