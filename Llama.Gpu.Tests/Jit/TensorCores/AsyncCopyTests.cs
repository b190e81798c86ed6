using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Asynchronous copies: what arrives, and what a kernel gets that does not wait for it.</summary>
public sealed class AsyncCopyTests
{
    private static readonly uint[] Source = [.. Enumerable.Range(1, 256).Select(i => (uint)i * 0x01010101u)];

    private static IEnumerable<string> Names => TensorAccelerators.Names;

    [TestCaseSource(nameof(Names))]
    public void Copies_of_each_size_arrive_and_the_rest_of_a_part_is_zero(string name)
    {
        uint[] found = Run(TensorAccelerators.Of(name), TensorKernels.Copies, 11 * 32);
        Assert.Multiple(() =>
        {
            for (int lane = 0; lane < 32; lane++)
            {
                int next = (lane + 1) & 31;
                uint[] expected =
                [
                    .. Source[(4 * next)..((4 * next) + 4)], .. Source[(128 + (2 * next))..(130 + (2 * next))], Source[192 + next],
                    .. Enumerable.Range(0, 4).Select(i => i < next % 5 ? Source[(4 * next) + i] : 0),
                ];
                Assert.That(found[(11 * lane)..((11 * lane) + 11)], Is.EqualTo(expected), $"lane {lane}");
            }
        });
    }

    [TestCase(nameof(TensorKernels.ForgetsToWait), "not waited for")]
    [TestCase(nameof(TensorKernels.WaitsForTooFew), "still on its way")]
    public void Touching_what_is_on_its_way_is_an_error_at_its_line(string kernel, string marker)
    {
        var fault = Assert.Throws<KernelFailedException>(() => Run(TensorAccelerators.Of("cpu"), Find(kernel), 32))!;
        string[] lines = File.ReadAllLines(Path.Combine(RepositoryFolder.Root, "Llama.Gpu.Tests", "Jit", "TensorCores", "TensorKernels.cs"));
        Assert.Multiple(() =>
        {
            Assert.That(fault.Message, Does.Contain("AsyncCopy.Wait"));
            Assert.That(fault.Line, Is.EqualTo(Array.FindIndex(lines, line => line.Contains(marker, StringComparison.Ordinal)) + 1));
        });
    }

    [Test]
    public void Reading_what_another_lane_has_waited_for_without_a_barrier_is_a_race() => Assert.That(
        () => Run(TensorAccelerators.Of("cpu"), TensorKernels.ForgetsTheBarrier, 32), Throws.TypeOf<KernelRaceException>());

    [Test]
    public void Without_the_sanitizer_other_bytes_stand_there_until_the_wait()
    {
        using Context context = Context.Create(builder => builder.CPU(CPUDevice.Nvidia));
        using CPUAccelerator accelerator = context.CreateCPUAccelerator(0);
        Assert.That(Run(accelerator, TensorKernels.ForgetsToWait, 32), Is.All.EqualTo(0xFDFDFDFDu));
    }

    [Test]
    public void Copy_from_an_address_that_is_not_aligned_is_an_error() => Assert.That(
        () => Run(TensorAccelerators.Of("cpu"), TensorKernels.CopiesUnaligned, 32),
        Throws.TypeOf<KernelFailedException>().With.Message.Contains("multiple of 16"));

    private static Action<ArrayView<uint>, ArrayView<uint>> Find(string kernel) =>
        typeof(TensorKernels).GetMethod(kernel)!.CreateDelegate<Action<ArrayView<uint>, ArrayView<uint>>>();

    private static uint[] Run(Accelerator accelerator, Action<ArrayView<uint>, ArrayView<uint>> kernel, int results)
    {
        using var source = accelerator.Allocate1D(Source);
        using var result = accelerator.Allocate1D<uint>(results);
        accelerator.LoadStreamKernel(kernel)((1, 32), source.View, result.View);
        return result.GetAsArray1D();
    }
}
