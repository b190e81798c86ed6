using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>
/// Random kernels in C# give the same numbers on OpenCL as on the <c>cpu</c> accelerator. The driver takes a quarter of a second for a short
/// kernel and seconds for a long one, and compiles one at a time: of each batch it gets the 50 shortest, 500 in all, or as many as
/// <c>LLAMA_AGREEMENT_OPENCL</c> says. They run one after the other, so that other fixtures have the other cores meanwhile.
/// </summary>
public sealed class RandomKernelsOnOpenClTests
{
    private static int KernelsOfBatch => Math.Min(KernelBatch.Size, TestSetting.Of("LLAMA_AGREEMENT_OPENCL", 50));

    [TestCaseSource(typeof(KernelBatch), nameof(KernelBatch.Numbers))]
    public void Random_kernels_agree(int batch) =>
        Assert.That(KernelBatch.Of(batch).Disagreement(TestAccelerators.OpenCl, KernelsOfBatch), Is.Null);
}
