using System.Reflection;
using Microsoft.CodeAnalysis;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>Compiles C# without optimization, as a Debug build does.</summary>
internal static class DebugCompiler
{
    public static Assembly Compile(string[] files)
    {
        Assembly? assembly = KernelCompiler.TryCompile(
            "DebugKernels", OptimizationLevel.Debug, files.Select(file => (file, File.ReadAllText(file))), out string errors);
        Assert.That(errors, Is.Empty);
        return assembly!;
    }
}
