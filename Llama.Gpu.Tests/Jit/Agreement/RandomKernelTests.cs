using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>
/// Random kernels in C# give the same numbers on vectors of every width as on the <c>cpu</c> accelerator: integers and floats to the bit,
/// functions such as exp within the units that OpenCL grants.
/// </summary>
[Parallelizable(ParallelScope.All)]
public sealed class RandomKernelTests
{
    [Test]
    public void Random_kernels_agree_on_vectors(
        [ValueSource(typeof(KernelBatch), nameof(KernelBatch.Numbers))] int batch,
        [ValueSource(typeof(SimdAccelerators), nameof(SimdAccelerators.Widths))] int bits) =>
        Assert.That(KernelBatch.Of(batch).Disagreement(SimdAccelerators.Of(bits), KernelBatch.Size), Is.Null);

    [Test]
    public void A_seed_always_makes_the_same_kernel()
    {
        string first = KernelGenerator.Make(17).Method();
        string second = KernelGenerator.Make(17).Method();
        Assert.That(second, Is.EqualTo(first));
    }
}
