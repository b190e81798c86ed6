using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Barriers with phases and the boxes that come to them.</summary>
public sealed class AsyncBarrierTests
{
    private static IEnumerable<string> Names => TensorAccelerators.Names;

    [TestCaseSource(nameof(Names))]
    public void Warps_hand_numbers_on_through_places_that_are_used_again(string name)
    {
        const int Steps = 7;
        int[] found = HandOn(TensorAccelerators.Of(name), WarpGroupKernels.HandsOn, Steps);
        Assert.That(found, Is.EqualTo(Enumerable.Range(0, 32 * Steps).Select(i => 1000 + (32 * (i / 32)) + 31 - (i % 32))));
    }

    [Test]
    public void Freeing_a_place_that_the_warp_still_reads_is_a_race_at_its_line()
    {
        var fault = Assert.Throws<KernelRaceException>(() => HandOn(TensorAccelerators.Of("cpu"), WarpGroupKernels.FreesTooEarly, 2))!;
        Assert.That(WarpGroupFaults.LineOf(fault.Line), Does.Contain("place["));
    }

    [TestCase("cpu", "32 of 64 arrivals")]
    [TestCase("simd 512", "never complete")]
    [TestCase("simd 32", "never complete")]
    public void Phase_that_nobody_completes_is_an_error(string name, string named) => Assert.That(
        () => HandOn(TensorAccelerators.Of(name), WarpGroupKernels.WaitsForNobody, 64),
        Throws.TypeOf(name == "cpu" ? typeof(KernelBarrierDivergenceException) : typeof(AcceleratorException)).With.Message.Contains(named));

    [Test]
    public void Deadlock_names_the_line_of_the_wait()
    {
        var fault = Assert.Throws<KernelBarrierDivergenceException>(
            () => HandOn(TensorAccelerators.Of("cpu"), WarpGroupKernels.WaitsForNobody, 64))!;
        Assert.That(WarpGroupFaults.LineOf(fault.Line), Does.Contain("never complete"));
    }

    // within the matrix, over its right and lower edge, and before its first element
    [TestCaseSource(nameof(Boxes))]
    public void Box_lies_swizzled_and_is_zero_outside_the_matrix(string name, int boxRows, int row, int column)
    {
        const int Rows = 20;
        const int Columns = 88;
        Accelerator accelerator = TensorAccelerators.Of(name);
        ushort[] bits = [.. Enumerable.Range(0, Rows * Columns).Select(i => (ushort)(i + 1))];
        using var matrix = accelerator.Allocate1D<BFloat16>([.. bits.Select(BFloat16.FromBits)]);
        using var result = accelerator.Allocate1D<BFloat16>(boxRows * 64);
        accelerator.LoadKernel<TensorMap<BFloat16>, ArrayView<BFloat16>, int, int, int>(WarpGroupKernels.Box)(
            accelerator.DefaultStream,
            new KernelConfig(new Index1D(1), new Index1D(64), SharedMemoryConfig.RequestDynamic<byte>(boxRows * 128)),
            new TensorMap<BFloat16>(matrix.View, Rows, Columns, boxRows),
            result.View,
            boxRows,
            row,
            column);
        ushort[] found = [.. result.GetAsArray1D().Select(value => value.Bits)];
        for (int r = 0; r < boxRows; r++)
        {
            for (int c = 0; c < 64; c++)
            {
                bool isInside = row + r >= 0 && row + r < Rows && column + c >= 0 && column + c < Columns;
                int place = (r * 64) + (((c / 8) ^ (r % 8)) * 8) + (c % 8);
                Assert.That(found[place], Is.EqualTo(isInside ? bits[((row + r) * Columns) + column + c] : 0), $"{r}, {c}");
            }
        }
    }

    [Test]
    public void Touching_a_box_that_is_on_its_way_is_an_error_at_its_line()
    {
        Accelerator accelerator = TensorAccelerators.Of("cpu");
        using var matrix = accelerator.Allocate1D<BFloat16>(8 * 64);
        using var result = accelerator.Allocate1D<BFloat16>(32);
        var fault = Assert.Throws<KernelFailedException>(() =>
            accelerator.LoadKernel<TensorMap<BFloat16>, ArrayView<BFloat16>>(WarpGroupKernels.ReadsABoxTooEarly)(
                accelerator.DefaultStream,
                new KernelConfig(new Index1D(1), new Index1D(32), SharedMemoryConfig.RequestDynamic<byte>(8 * 128)),
                new TensorMap<BFloat16>(matrix.View, 8, 64, 8),
                result.View))!;
        Assert.That(fault.Message, Does.Contain("AsyncBarrier"));
        Assert.That(WarpGroupFaults.LineOf(fault.Line), Does.Contain("not waited for"));
    }

    [TestCase(8, 12, 8, "matrix")]
    [TestCase(9, 16, 8, "matrix")]
    [TestCase(8, 16, 257, "boxRows")]
    [TestCase(8, 16, 0, "boxRows")]
    public void Map_of_what_cannot_be_copied_is_refused(int rows, int columns, int boxRows, string argument)
    {
        using var matrix = TensorAccelerators.Of("cpu").Allocate1D<BFloat16>(8 * 16);
        Assert.That(
            () => new TensorMap<BFloat16>(matrix.View, rows, columns, boxRows),
            Throws.InstanceOf<ArgumentException>().With.Property("ParamName").EqualTo(argument));
    }

    [Test]
    public void Map_of_other_elements_is_refused()
    {
        using var matrix = TensorAccelerators.Of("cpu").Allocate1D<ushort>(8 * 16);
        Assert.That(() => new TensorMap<ushort>(matrix.View, 8, 16, 8), Throws.ArgumentException.With.Message.Contains("UInt16"));
    }

    private static IEnumerable<TestCaseData> Boxes() =>
        from name in Names
        from box in (int[][])[[24, 3, 64], [9, -2, -16]]
        select new TestCaseData(name, box[0], box[1], box[2]);

    private static int[] HandOn(Accelerator accelerator, Action<ArrayView<int>, ArrayView<int>, int> kernel, int steps)
    {
        using var source = accelerator.Allocate1D<int>([.. Enumerable.Range(1000, 32 * steps)]);
        using var result = accelerator.Allocate1D<int>(32 * steps);
        accelerator.LoadStreamKernel(kernel)((1, 64), source.View, result.View, steps);
        return result.GetAsArray1D();
    }
}

/// <summary>Where the kernels with errors have them.</summary>
internal static class WarpGroupFaults
{
    private static readonly string[] Lines =
        File.ReadAllLines(Path.Combine(RepositoryFolder.Root, "Llama.Gpu.Tests", "Jit", "TensorCores", "WarpGroupKernels.cs"));

    public static string LineOf(int line) => Lines[line - 1];
}
