using System.Reflection;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>Every language feature gives the bits that C# itself gives, from optimized and from Debug IL.</summary>
public sealed class FeatureTests
{
    private static readonly Lazy<Assembly> DebugBuild = new(() => DebugCompiler.Compile(
        Directory.GetFiles(Path.Combine(RepositoryFolder.Root, "Llama.Gpu.Tests", "Jit", "Frontend"), "FeatureKernels*.cs")));

    private static IEnumerable<string> Kernels() => typeof(FeatureKernels)
        .GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Select(method => method.Name);

    [TestCaseSource(nameof(Kernels))]
    public void Optimized_IL_computes_what_CSharp_does(string name)
    {
        MethodInfo kernel = typeof(FeatureKernels).GetMethod(name)!;
        Assert.That(FeatureRun.Compiled(kernel), Is.EqualTo(FeatureRun.OnCpu(kernel)));
    }

    [TestCaseSource(nameof(Kernels))]
    public void Debug_IL_computes_what_CSharp_does(string name)
    {
        MethodInfo kernel = DebugBuild.Value.GetType(typeof(FeatureKernels).FullName!, throwOnError: true)!.GetMethod(name)!;
        Assert.That(FeatureRun.Compiled(kernel), Is.EqualTo(FeatureRun.OnCpu(kernel)));
    }
}
