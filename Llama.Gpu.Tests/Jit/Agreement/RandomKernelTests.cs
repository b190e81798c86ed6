using System.Globalization;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>
/// Random kernels in C# give the same numbers on every accelerator: integers and floats to the bit, functions such as exp within the
/// units that OpenCL grants. Every batch of 60 runs at every width of vectors; OpenCL, whose driver takes a quarter of a second for a short
/// kernel and seconds for a long one, gets the 50 shortest of each, 500 in all. <c>LLAMA_AGREEMENT_BATCHES</c> makes more or fewer than 10
/// batches, <c>LLAMA_AGREEMENT_OPENCL</c> more or fewer kernels of each for OpenCL.
/// </summary>
[Parallelizable(ParallelScope.All)]
public sealed class RandomKernelTests
{
    private const int BatchSize = 60;

    private static int OpenClKernels => Math.Min(BatchSize, Setting("LLAMA_AGREEMENT_OPENCL", 50));

    private static IEnumerable<int> Batches() => Enumerable.Range(0, Setting("LLAMA_AGREEMENT_BATCHES", 10));

    [Test]
    public void Random_kernels_agree_on_vectors(
        [ValueSource(nameof(Batches))] int batch, [ValueSource(typeof(SimdAccelerators), nameof(SimdAccelerators.Widths))] int bits) =>
        Assert.That(KernelBatch.Of(batch, BatchSize).Disagreement(SimdAccelerators.Of(bits), BatchSize), Is.Null);

    [Test]
    public void Random_kernels_agree_on_OpenCL([ValueSource(nameof(Batches))] int batch) =>
        Assert.That(KernelBatch.Of(batch, BatchSize).Disagreement(TestAccelerators.OpenCl, OpenClKernels), Is.Null);

    [Test]
    public void A_seed_always_makes_the_same_kernel()
    {
        string first = KernelGenerator.Make(17).Method();
        string second = KernelGenerator.Make(17).Method();
        Assert.That(second, Is.EqualTo(first));
    }

    private static int Setting(string variable, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int value) ? value : usual;
}
