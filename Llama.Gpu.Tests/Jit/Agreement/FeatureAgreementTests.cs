using System.Reflection;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Frontend;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>Every language feature gives on every accelerator the bits that C# itself gives; functions such as exp to six digits.</summary>
public sealed class FeatureAgreementTests
{
    private const double FunctionTolerance = 1e-6;

    internal static IEnumerable<string> Kernels() => typeof(FeatureKernels)
        .GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Select(method => method.Name);

    [Test]
    public void Features_agree_on_vectors(
        [ValueSource(nameof(Kernels))] string name, [ValueSource(typeof(SimdAccelerators), nameof(SimdAccelerators.Widths))] int bits) =>
        Assert.That(Differences(SimdAccelerators.Of(bits), name), Is.Empty);

    [Test]
    public void Features_agree_on_OpenCL([ValueSource(nameof(Kernels))] string name) =>
        Assert.That(Differences(TestAccelerators.OpenCl, name), Is.Empty);

    internal static string[] Differences(Accelerator accelerator, string name)
    {
        MethodInfo kernel = typeof(FeatureKernels).GetMethod(name)!;
        int[] expected = FeatureRun.OnCpu(kernel);
        int[] found = FeatureRun.On(accelerator, kernel);
        bool rounds = name == nameof(FeatureKernels.Functions);
        return
        [
            .. Enumerable.Range(0, expected.Length)
                .Where(i => !Agree(expected[i], found[i], rounds))
                .Select(i => $"place {i % 16} of lane {i / 16} is {found[i]:x8}, not {expected[i]:x8}"),
        ];
    }

    private static bool Agree(int expected, int found, bool rounds)
    {
        float want = BitConverter.Int32BitsToSingle(expected);
        float have = BitConverter.Int32BitsToSingle(found);
        return expected == found
            || (float.IsNaN(want) && float.IsNaN(have))
            || (rounds && Math.Abs(want - have) <= FunctionTolerance * Math.Max(1, Math.Abs(want)));
    }
}
