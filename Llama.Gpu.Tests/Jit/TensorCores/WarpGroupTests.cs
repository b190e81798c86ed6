using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using NUnit.Framework;
using Half = Llama.Gpu.Jit.Half;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Products of warp groups: where NVIDIA's manual says that each element lies, and what a kernel gets that does not wait.</summary>
public sealed class WarpGroupTests
{
    private const int Size = 64;
    private const int Lanes = 128;
    private const int SharedBytes = 2 * Size * Size * 2;

    private static IEnumerable<string> Names => TensorAccelerators.Names;

    [TestCaseSource(nameof(Names))]
    public void Product_of_bf16_is_that_of_the_matrices(string name) => CheckProduct(name, value => (BFloat16)value, value => value, 1);

    [TestCaseSource(nameof(Names))]
    public void Product_of_f16_is_added_to_the_sums_before(string name) => CheckProduct(name, value => (Half)value, value => value, 2);

    [TestCaseSource(nameof(Names))]
    public void Product_of_bf16_that_lanes_hold_is_that_of_the_matrices(string name) =>
        CheckHeld(name, value => (BFloat16)value, value => value, value => value.Bits, 1);

    [TestCaseSource(nameof(Names))]
    public void Product_of_f16_that_lanes_hold_is_added_to_the_sums_before(string name) =>
        CheckHeld(name, value => (Half)value, value => value, value => value.Bits, 2);

    [TestCaseSource(nameof(Names))]
    public void Operands_that_lanes_store_are_multiplied_too(string name)
    {
        Accelerator accelerator = TensorAccelerators.Of(name);
        float[] a = Random(1);
        float[] b = Random(2);
        using var ofA = accelerator.Allocate1D<BFloat16>([.. a.Select(value => (BFloat16)value)]);
        using var ofB = accelerator.Allocate1D<BFloat16>([.. b.Select(value => (BFloat16)value)]);
        using var result = accelerator.Allocate1D<float>(Size * Size);
        accelerator.LoadStreamKernel<ArrayView<BFloat16>, ArrayView<BFloat16>, ArrayView<float>>(WarpGroupKernels.MultiplyStored)(
            (1, Lanes), ofA.View, ofB.View, result.View);
        float[] rounded = [.. a.Select(value => (float)(BFloat16)value)];
        float[] other = [.. b.Select(value => (float)(BFloat16)value)];
        float[] found = result.GetAsArray1D();
        for (int i = 0; i < found.Length; i++)
        {
            (int row, int column) = PlaceOf(i / 32, i % 32);
            Assert.That(found[i], Is.EqualTo(Sum(rounded, other, row, column, 1).Sum), $"lane {i / 32}, sum {i % 32}");
        }
    }

    [Test]
    public void Sums_hold_other_bytes_until_they_are_waited_for()
    {
        float[] found = RunWithBox<float>(TensorAccelerators.Of("cpu"), Lanes, 64, (launch, map, result) => launch(
            WarpGroupKernels.ReadsSumsTooEarly)(map, result));
        Assert.That(found.Select(BitConverter.SingleToUInt32Bits), Is.All.EqualTo(0xFDFDFDFDu));
    }

    [Test]
    public void Freeing_what_is_still_multiplied_is_a_race_at_its_line([Values] bool held)
    {
        var fault = Assert.Throws<KernelRaceException>(() => Free(waits: 0, held))!;
        Assert.That(WarpGroupFaults.LineOf(fault.Line), Does.Contain("WarpGroup.Wait").Or.Contain("over what is multiplied").Or.Contain("MultiplyAdd"));
        Assert.That(() => Free(waits: 1, held), Throws.Nothing);
    }

    private static void Free(int waits, bool held)
    {
        Accelerator accelerator = TensorAccelerators.Of("cpu");
        using var matrix = accelerator.Allocate1D<BFloat16>(Size * Size);
        matrix.View.BaseView.MemSetToZero();
        using var result = accelerator.Allocate1D<float>(Lanes);
        accelerator.LoadKernel<TensorMap<BFloat16>, ArrayView<float>, int, int>(WarpGroupKernels.FreesWhatIsMultiplied)(
            accelerator.DefaultStream, Config(2 * Lanes), new TensorMap<BFloat16>(matrix.View, Size, Size, Size), result.View, waits, held ? 1 : 0);
    }

    private static T[] RunWithBox<T>(
        Accelerator accelerator,
        int lanes,
        int boxRows,
        Action<Func<Action<TensorMap<BFloat16>, ArrayView<T>>, Action<TensorMap<BFloat16>, ArrayView<T>>>, TensorMap<BFloat16>, ArrayView<T>> run)
        where T : unmanaged
    {
        using var matrix = accelerator.Allocate1D<BFloat16>(Size * Size);
        matrix.View.BaseView.MemSetToZero();
        using var result = accelerator.Allocate1D<T>(lanes);
        run(
            kernel => (map, view) => accelerator.LoadKernel(kernel)(accelerator.DefaultStream, Config(lanes), map, view),
            new TensorMap<BFloat16>(matrix.View, Size, Size, boxRows),
            result.View);
        return result.GetAsArray1D();
    }

    private static void CheckProduct<T>(string name, Func<float, T> round, Func<T, float> widen, int times)
        where T : unmanaged
    {
        Accelerator accelerator = TensorAccelerators.Of(name);
        T[] a = [.. Random(3).Select(round)];
        T[] b = [.. Random(4).Select(round)];
        using var ofA = accelerator.Allocate1D(a);
        using var ofB = accelerator.Allocate1D(b);
        using var result = accelerator.Allocate1D<float>(Lanes * 33);
        accelerator.LoadKernel<TensorMap<T>, TensorMap<T>, ArrayView<float>, int>(WarpGroupKernels.Multiply)(
            accelerator.DefaultStream,
            Config(Lanes),
            new TensorMap<T>(ofA.View, Size, Size, Size),
            new TensorMap<T>(ofB.View, Size, Size, Size),
            result.View,
            times);
        float[] found = result.GetAsArray1D();
        float[] wideA = [.. a.Select(widen)];
        float[] wideB = [.. b.Select(widen)];
        Assert.Multiple(() =>
        {
            for (int lane = 0; lane < Lanes; lane++)
            {
                for (int i = 0; i < 32; i++)
                {
                    (int row, int column) = PlaceOf(lane, i);
                    Assert.That(found[(lane * 33) + i], Is.EqualTo(Sum(wideA, wideB, row, column, times).Sum), $"lane {lane}, sum {i}");
                }

                // sums that are read between two products are those of the first
                (int ofRow, int ofColumn) = PlaceOf(lane, 3);
                Assert.That(found[(lane * 33) + 32], Is.EqualTo(times == 1 ? 0f : Sum(wideA, wideB, ofRow, ofColumn, 1).Sum));
            }
        });
    }

    private static void CheckHeld<T>(string name, Func<float, T> round, Func<T, float> widen, Func<T, ushort> bits, int times)
        where T : unmanaged
    {
        Accelerator accelerator = TensorAccelerators.Of(name);
        T[] a = [.. Random(5).Select(round)];
        T[] b = [.. Random(6).Concat(Random(7)).Select(round)];
        using var ofA = accelerator.Allocate1D<uint>([.. a.Chunk(2).Select(pair => bits(pair[0]) | ((uint)bits(pair[1]) << 16))]);
        using var ofB = accelerator.Allocate1D(b);
        using var result = accelerator.Allocate1D<float>(Lanes * Size);
        accelerator.LoadKernel<ArrayView<uint>, TensorMap<T>, ArrayView<float>, int>(WarpGroupKernels.MultiplyHeld)(
            accelerator.DefaultStream, Config(Lanes), ofA.View, new TensorMap<T>(ofB.View, Size, 2 * Size, Size), result.View, times);
        float[] found = result.GetAsArray1D();
        float[] wideA = [.. a.Select(widen)];

        // columns as rows, since that is how the other product has them
        float[] turned = [.. Enumerable.Range(0, 2 * Size * Size).Select(i => widen(b[(i % Size * 2 * Size) + (i / Size)]))];
        Assert.Multiple(() =>
        {
            for (int i = 0; i < found.Length; i++)
            {
                (int row, int column) = PlaceOf(i / Size, i % Size);
                Assert.That(found[i], Is.EqualTo(Sum(wideA, turned, row, column, times).Sum), $"lane {i / Size}, sum {i % Size}");
            }
        });
    }

    // "Register fragment layout for wgmma .m64nNk16 matrix D"
    private static (int Row, int Column) PlaceOf(int lane, int i) =>
        ((16 * (lane / 32)) + (lane % 32 / 4) + (i % 4 < 2 ? 0 : 8), (8 * (i / 4)) + (2 * (lane % 4)) + (i % 2));

    private static (float Sum, double Exact) Sum(float[] a, float[] b, int row, int column, int times)
    {
        float sum = 0;
        double exact = 0;
        for (int i = 0; i < times * Size; i++)
        {
            float product = a[(row * Size) + (i % Size)] * b[(column * Size) + (i % Size)];
            sum += product;
            exact += product;
        }

        Assert.That(sum, Is.EqualTo(exact).Within(1e-4));
        return (sum, exact);
    }

    private static float[] Random(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Size * Size).Select(_ => (random.NextSingle() * 2) - 1)];
    }

    private static KernelConfig Config(int lanes) =>
        new(new Index1D(1), new Index1D(lanes), SharedMemoryConfig.RequestDynamic<byte>(SharedBytes));
}
