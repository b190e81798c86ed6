using System.Reflection;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Makes IR of a kernel: reads its IL and that of all it calls, and builds every call into one function.</summary>
internal static class KernelFrontend
{
    /// <exception cref="KernelCompilationException">The kernel uses something outside the dialect.</exception>
    public static IrFunction Compile(MethodInfo kernel, FrontendOptions options) => throw new NotImplementedException($"{kernel} {options}");
}
