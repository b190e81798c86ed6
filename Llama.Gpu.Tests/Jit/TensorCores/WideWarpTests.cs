using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Warps of several vectors: what lanes of different vectors pass to each other.</summary>
public sealed class WideWarpTests
{
    private static readonly Action<ArrayView<float>>[] Kernels =
    [
        CooperationTests.TreeSum, CooperationTests.Shuffles, CooperationTests.WarpSum, Exchanges, ExchangesAsDataSays,
    ];

    [Test]
    public void Exchanges_between_vectors_give_what_cpu_gives(
        [Values("simd 512", "simd 256", "simd 128", "simd 32")] string name, [Values(1, 7, 31, 32, 40, 64)] int lanes)
    {
        using Context context = Context.Create(builder => builder.CPU(CPUDevice.Nvidia));
        using CPUAccelerator oracle = context.CreateCPUAccelerator(0);
        Assert.Multiple(() =>
        {
            foreach (Action<ArrayView<float>> kernel in Kernels)
            {
                Assert.That(Run(TensorAccelerators.Of(name), kernel, lanes), Is.EqualTo(Run(oracle, kernel, lanes)), kernel.Method.Name);
            }

            // made for 64 lanes
            Assert.That(
                Run(TensorAccelerators.Of(name), CooperationTests.RotatesManyTimes, 64), Is.EqualTo(Run(oracle, CooperationTests.RotatesManyTimes, 64)));
        });
    }

    [TestCase(512, 8)]
    [TestCase(512, 64)]
    [TestCase(256, 12)]
    public void Warps_that_vectors_do_not_make_up_are_refused(int bits, int warp) =>
        Assert.That(() => new SimdDevice(bits, 0, warp), Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.Contains("power of two"));

    [Test]
    public void Device_tells_the_width_that_was_asked_for() => Assert.That(
        (new SimdDevice(256).WarpSize, new SimdDevice(256, 0, 16).WarpSize, new SimdDevice(256, 0, 32).WarpSize), Is.EqualTo((8, 16, 32)));

    [Test]
    public void Name_tells_of_warps_of_several_vectors() => Assert.Multiple(() =>
    {
        Assert.That(new SimdDevice(256, 1, 32).Name, Is.EqualTo("simd (256-bit vectors, 1 thread, warps of 32)"));
        Assert.That(new SimdDevice(256, 1).Name, Is.EqualTo("simd (256-bit vectors, 1 thread)"));
    });

    // values of every width, from lanes that differ, in a loop and behind a warp's barrier
    private static void Exchanges(ArrayView<float> data)
    {
        ArrayView<int> shared = SharedMemory.Allocate<int>(64);
        double wide = Group.IdxX * 3.0;
        long whole = Group.IdxX * 5000000000L;
        short small = (short)(Group.IdxX * -7);
        bool odd = (Group.IdxX & 1) != 0;
        int uniform = Warp.WarpIdx;
        float sum = 0;
        for (int i = 1; i < 5; i++)
        {
            wide += Warp.ShuffleXor(wide, 1 << i);
            whole -= Warp.ShuffleDown(whole, i);
            small += Warp.Shuffle(small, (Warp.LaneIdx * 7) & 31);
            odd ^= Warp.Shuffle(odd, 40 - Warp.LaneIdx);
            sum += Warp.Broadcast(uniform + i, 3);
        }

        shared[Group.IdxX] = Group.IdxX * 11;
        Warp.Barrier();
        int neighbour = Group.IdxX ^ 1;
        sum += neighbour < Group.DimX ? shared[neighbour] : 0;
        data[Group.IdxX] = (float)wide + whole + small + (odd ? 0.5f : 0) + sum;
    }

    // the loop and the branch are the same for all lanes, but only the data says so: lanes run under masks
    private static void ExchangesAsDataSays(ArrayView<float> data)
    {
        float sum = data[Group.IdxX];
        int first = (int)data[128 + Group.IdxX];
        for (int i = 128; i <= first - Group.IdxX + 3; i++)
        {
            if (i % 2 == (first - Group.IdxX) % 2)
            {
                sum += Warp.ShuffleXor(sum, i & 31);
            }

            if ((Group.IdxX & 3) == 0)
            {
                sum += i;
            }

            Warp.Barrier();
        }

        data[Group.IdxX] = sum;
    }

    private static float[] Run(Accelerator accelerator, Action<ArrayView<float>> kernel, int lanes)
    {
        using var data = accelerator.Allocate1D<float>([.. Enumerable.Range(0, 192).Select(i => (float)i)]);
        accelerator.LoadStreamKernel(kernel)((1, lanes), data.View);
        return data.GetAsArray1D();
    }
}
