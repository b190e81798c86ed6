using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>Control flow, barriers and exchanges on vectors of every width against the C# method itself, lane by lane.</summary>
public sealed class SimdFlowTests
{
    private const int Groups = 3;

    private static IEnumerable<TestCaseData> Cases() =>
        from kernel in typeof(SimdFlowKernels).GetMethods(BindingFlags.Public | BindingFlags.Static)
        from bits in SimdAccelerators.Widths
        from lanes in new[] { 1, 7, 64, 90 }
        select new TestCaseData(bits, lanes, kernel).SetArgDisplayNames($"{bits}", $"{lanes}", kernel.Name);

    [TestCaseSource(nameof(Cases))]
    public void Kernel_agrees_with_its_method(int bits, int lanes, MethodInfo kernel)
    {
        int warp = SimdAccelerators.Of(bits).WarpSize;
        using var context = Context.Create(builder => builder.CPU(new CPUDevice(warp, 128 / warp, 1)));
        using CPUAccelerator reference = context.CreateCPUAccelerator(0);
        float[] expected = Run(reference, kernel, lanes);
        float[] found = Run(SimdAccelerators.Of(bits), kernel, lanes);
        Assert.That(found, Is.EqualTo(expected));
    }

    private static float[] Run(Accelerator accelerator, MethodInfo kernel, int lanes)
    {
        var random = new Random(lanes);
        using var data = accelerator.Allocate1D(Enumerable.Range(0, Groups * lanes).Select(_ => (random.NextSingle() * 2) - 1).ToArray());
        var launch = accelerator.LoadKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>>>(kernel);
        launch(accelerator.DefaultStream, (Groups, lanes), data.View);
        return data.GetAsArray1D();
    }
}
