using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.Simd;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;
using Half = Llama.Gpu.Jit.Half;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Products of tiles and loads of matrices, where NVIDIA's manual says that each element lies.</summary>
public sealed class TensorCoreTests
{
    private static IEnumerable<string> Names => TensorAccelerators.Names;

    [TestCaseSource(nameof(Names))]
    public void Tile_of_bf16_is_the_product_of_the_matrices(string name) =>
        CheckProduct<BFloat16>(name, value => ((BFloat16)value).Bits, bits => BFloat16.FromBits(bits));

    [TestCaseSource(nameof(Names))]
    public void Tile_of_f16_is_the_product_of_the_matrices(string name) =>
        CheckProduct<Half>(name, value => ((Half)value).Bits, bits => Half.FromBits(bits));

    [TestCaseSource(nameof(Names))]
    public void Sums_are_rounded_to_f32_with_k_ascending_from_c(string name)
    {
        var tile = new Tile(5, value => ((BFloat16)value).Bits, bits => BFloat16.FromBits(bits));
        float[] found = Run<BFloat16>(TensorAccelerators.Of(name), [tile]);
        Assert.Multiple(() =>
        {
            for (int row = 0; row < 16; row++)
            {
                for (int column = 0; column < 8; column++)
                {
                    float sum = tile.C[row, column];
                    for (int k = 0; k < 16; k++)
                    {
                        float product = tile.A[row, k] * tile.B[k, column];
                        sum += product;
                    }

                    Assert.That(found[Tile.PlaceInC(row, column)], Is.EqualTo(sum), $"{row}, {column}");
                }
            }
        });
    }

    [TestCaseSource(nameof(Names))]
    public void Fragments_go_around_a_loop(string name)
    {
        Accelerator accelerator = TensorAccelerators.Of(name);
        var random = new Random(3);
        uint[] words = [.. Enumerable.Range(0, 128).Select(_ => (uint)((BFloat16)random.Next(-3, 4)).Bits | ((uint)((BFloat16)random.Next(-3, 4)).Bits << 16))];
        using var a = accelerator.Allocate1D(words);
        using var once = accelerator.Allocate1D<float>(128);
        using var often = accelerator.Allocate1D<float>(128);
        var launch = accelerator.LoadStreamKernel<ArrayView<uint>, ArrayView<float>, int>(TensorKernels.MultiplyInLoop);
        launch((1, 32), a.View, once.View, 1);
        launch((1, 32), a.View, often.View, 7);
        Assert.That(once.GetAsArray1D(), Has.Some.Not.Zero);
        Assert.That(often.GetAsArray1D(), Is.EqualTo(once.GetAsArray1D().Select(value => 7 * value)), "small integers are exact");
    }

    [TestCaseSource(nameof(Names))]
    public void Matrices_are_loaded_by_the_rows_that_lanes_name(string name)
    {
        Accelerator accelerator = TensorAccelerators.Of(name);
        ushort[] elements = [.. Enumerable.Range(0, 512).Select(i => (ushort)((i * 40503) >> 3))];
        int[] rows = [.. Enumerable.Range(0, 32).Select(i => ((i * 13) + 5) % 32)];
        using var source = accelerator.Allocate1D(elements);
        using var named = accelerator.Allocate1D(rows);
        using var result = accelerator.Allocate1D<uint>(14 * 64);
        accelerator.LoadStreamKernel<ArrayView<ushort>, ArrayView<int>, ArrayView<uint>>(TensorKernels.LoadMatrices)(
            (1, 64), source.View, named.View, result.View);
        uint[] found = result.GetAsArray1D();
        Assert.Multiple(() =>
        {
            for (int lane = 0; lane < 64; lane++)
            {
                int[] matrices = [0, 1, 2, 3, 0, 1, 0];
                for (int i = 0; i < 14; i++)
                {
                    int matrix = matrices[i % 7];
                    ushort Element(int row, int column) => elements[(256 * (lane / 32)) + (8 * rows[(8 * matrix) + row]) + column];
                    int major = lane % 32 / 4;
                    int minor = 2 * (lane % 4);
                    uint expected = i < 7
                        ? Element(major, minor) | ((uint)Element(major, minor + 1) << 16)
                        : Element(minor, major) | ((uint)Element(minor + 1, major) << 16);
                    Assert.That(found[(14 * lane) + i], Is.EqualTo(expected), $"lane {lane}, word {i}");
                }
            }
        });
    }

    [TestCaseSource(nameof(Names))]
    public void Fragments_go_around_a_loop_whose_end_only_the_data_says(string name)
    {
        Accelerator accelerator = TensorAccelerators.Of(name);
        using var a = accelerator.Allocate1D<uint>([.. Enumerable.Repeat(0x3F803F80u, 128)]);
        using var counts = accelerator.Allocate1D<int>([.. Enumerable.Repeat(5, 32)]);
        using var c = accelerator.Allocate1D<float>(32);
        accelerator.LoadStreamKernel<ArrayView<uint>, ArrayView<int>, ArrayView<float>>(TensorKernels.MultiplyAsDataSays)(
            (1, 32), a.View, counts.View, c.View);
        Assert.That(c.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, 32).Select(lane => (5 * 16f) + (lane % 4 == 0 ? 5 : 0))), "sums of ones");
    }

    [TestCase(1, 1)]
    [TestCase(16, 32)]
    [TestCase(32, 40)]
    public void Warps_on_cpu_that_are_not_of_32_lanes_or_not_whole_are_an_error(int warpSize, int lanes)
    {
        using Context context = Context.Create(builder => builder.CPU(new CPUDevice(warpSize, 1024 / Math.Max(32, warpSize), 1)));
        using CPUAccelerator accelerator = context.CreateCPUAccelerator(0);
        Assert.That(
            () => LaunchProduct(accelerator, Math.Min(lanes, accelerator.MaxNumThreadsPerGroup)),
            Throws.TypeOf<KernelFailedException>().With.Message.Contains("whole warps of 32 lanes"));
    }

    [Test]
    public void Warps_on_simd_that_are_not_whole_are_an_error() => Assert.That(
        () => LaunchProduct(TensorAccelerators.Of("simd 512"), 40), Throws.TypeOf<InvalidKernelOperationException>().With.Message.Contains("40 lanes"));

    [Test]
    public void Accelerators_without_tensor_cores_refuse_the_kernel()
    {
        using Context context = Context.Create(builder => builder.Simd(new SimdDevice(512)));
        using SimdAccelerator accelerator = context.CreateSimdAccelerator(0);
        Assert.That(
            () => LaunchProduct(accelerator, 32),
            Throws.TypeOf<KernelCompilationException>().With.Message.Contains("new SimdDevice(warpSize: 32)"));
    }

    [Test]
    public void OpenCl_refuses_the_kernel() =>
        Assert.That(() => LaunchProduct(TestAccelerators.OpenCl, 32), Throws.TypeOf<KernelCompilationException>().With.Message.Contains("JIT0"));

    private static void LaunchProduct(Accelerator accelerator, int lanes)
    {
        using var a = accelerator.Allocate1D<uint>(256);
        using var c = accelerator.Allocate1D<float>(256);
        accelerator.LoadStreamKernel<ArrayView<uint>, ArrayView<uint>, ArrayView<float>>(TensorKernels.Multiply<BFloat16>)((1, lanes), a.View, a.View, c.View);
    }

    private static void CheckProduct<T>(string name, Func<float, ushort> round, Func<ushort, float> widen)
        where T : unmanaged
    {
        Tile[] tiles = [.. Enumerable.Range(0, 4).Select(seed => new Tile(seed, round, widen))];
        float[] found = Run<T>(TensorAccelerators.Of(name), tiles);
        Assert.Multiple(() =>
        {
            for (int i = 0; i < tiles.Length; i++)
            {
                for (int row = 0; row < 16; row++)
                {
                    for (int column = 0; column < 8; column++)
                    {
                        (double sum, double magnitude) = tiles[i].Product(row, column);
                        Assert.That(found[(128 * i) + Tile.PlaceInC(row, column)], Is.EqualTo(sum).Within(magnitude * Math.Pow(2, -20)), $"{row}, {column}");
                    }
                }
            }
        });
    }

    // two groups of two warps
    private static float[] Run<T>(Accelerator accelerator, Tile[] tiles)
        where T : unmanaged
    {
        using var a = accelerator.Allocate1D<uint>([.. tiles.SelectMany(tile => tile.WordsOfA)]);
        using var b = accelerator.Allocate1D<uint>([.. tiles.SelectMany(tile => tile.WordsOfB)]);
        using var c = accelerator.Allocate1D<float>([.. tiles.SelectMany(tile => tile.ValuesOfC)]);
        accelerator.LoadStreamKernel<ArrayView<uint>, ArrayView<uint>, ArrayView<float>>(TensorKernels.Multiply<T>)(
            tiles.Length == 1 ? (1, 32) : (tiles.Length / 2, 64), a.View, b.View, c.View);
        return c.GetAsArray1D();
    }
}
