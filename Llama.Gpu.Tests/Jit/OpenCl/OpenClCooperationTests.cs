using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>The kernels of <see cref="CooperationTests"/> on OpenCL: barriers, exchanges, shared and local memory, atomics, indices.</summary>
public sealed class OpenClCooperationTests
{
    private static int Warp => TestAccelerators.OpenCl.WarpSize;

    [TestCase(1)]
    [TestCase(7)]
    [TestCase(64)]
    public void Tree_reduction_through_shared_memory_sums_a_group(int lanes)
    {
        float[] result = Run(CooperationTests.TreeSum, 3, lanes, Enumerable.Range(0, 3 * lanes).Select(i => (float)i));
        Assert.That(
            Enumerable.Range(0, 3).Select(group => result[group * lanes]),
            Is.EqualTo(Enumerable.Range(0, 3).Select(group => Enumerable.Range(group * lanes, lanes).Sum(i => (float)i))));
    }

    [Test]
    public void Shuffles_take_the_value_of_their_source_and_else_their_own()
    {
        float[] result = Run(CooperationTests.Shuffles, 1, 16, new float[64]);
        int warp = Math.Min(Warp, 16);
        Assert.Multiple(() =>
        {
            for (int lane = 0; lane < 16; lane++)
            {
                int first = lane / warp * warp;
                int inWarp = lane % warp;
                Assert.That(result[lane], Is.EqualTo(inWarp + 3 < warp ? lane + 3 : lane), "down");
                Assert.That(result[16 + lane], Is.EqualTo(inWarp - 1 >= 0 ? lane - 1 : lane), "up");
                Assert.That(result[32 + lane], Is.EqualTo(first + (inWarp ^ 5)), "xor");
                Assert.That(result[48 + lane], Is.EqualTo(first + 2), "broadcast");
            }
        });
    }

    [Test]
    public void Successive_exchanges_do_not_mix()
    {
        float[] result = Run(CooperationTests.RotatesManyTimes, 1, 64, new float[64]);

        // the exchange at the end of a round adds the difference between the two neighbours that it was taken from
        using Context context = Context.Create(builder => Llama.Gpu.Jit.Runtime.CPU.CPUContextExtensions.CPU(builder, new(Warp, 64 / Warp, 1)));
        using Accelerator oracle = context.Devices[0].CreateAccelerator(context);
        Assert.That(result, Is.EqualTo(Run(oracle, CooperationTests.RotatesManyTimes, 1, 64, new float[64])));
    }

    [Test]
    public void Warp_that_is_not_full_exchanges_among_its_lanes()
    {
        int lanes = Warp + 3;
        float[] result = Run(CooperationTests.WarpSum, 1, lanes, Enumerable.Repeat(1f, lanes));
        Assert.That(result, Is.EqualTo(Enumerable.Repeat((float)Warp, Warp).Concat(Enumerable.Repeat(3f, 3))));
    }

    [Test]
    public void Indices_count_x_first_in_three_dimensions()
    {
        using var data = TestAccelerators.OpenCl.Allocate1D(new float[144]);
        TestAccelerators.OpenCl.LoadStreamKernel<ArrayView<float>>(CooperationTests.WritesItsNumber)(new KernelConfig(2, 3, 2, 2, 2, 3), data.View);
        Assert.That(data.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, 144).Select(i => (float)i)));
    }

    [Test]
    public void Dynamic_shared_memory_has_the_requested_size()
    {
        using var data = TestAccelerators.OpenCl.Allocate1D(new float[32]);
        var launch = TestAccelerators.OpenCl.LoadStreamKernel<ArrayView<float>>(CooperationTests.ReversesThroughDynamic);
        launch(new KernelConfig(2, 16, SharedMemoryConfig.RequestDynamic<float>(16)), data.View);
        Assert.That(data.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, 32).Select(i => (float)((i / 16 * 16) + 15 - (i % 16)))));
    }

    [Test]
    public void Local_memory_belongs_to_one_lane()
    {
        float[] result = Run(CooperationTests.SumsThroughLocal, 2, 8, new float[16]);
        Assert.That(result, Is.EqualTo(Enumerable.Range(0, 16).Select(i => (float)(4 * (i % 8)))));
    }

    [Test]
    public void Atomics_lose_no_update()
    {
        using var data = TestAccelerators.OpenCl.Allocate1D(new[] { 0, int.MinValue, int.MaxValue, 0, 0, 100, 7, 0 });
        TestAccelerators.OpenCl.LoadStreamKernel<ArrayView<int>>(CooperationTests.AtomicUpdates)((4, 32), data.View);
        Assert.That(data.GetAsArray1D(), Is.EqualTo(new[] { 128, 127, 0, 127, 0, 1, 0, 128 * 127 / 2 }));
    }

    [Test]
    public void Atomics_of_floats_and_longs_lose_no_update()
    {
        using var floats = TestAccelerators.OpenCl.Allocate1D(new[] { 0f, 0f, 0f });
        using var longs = TestAccelerators.OpenCl.Allocate1D(new[] { 1L << 40, 0L });
        using var doubles = TestAccelerators.OpenCl.Allocate1D(new[] { 0.5 });
        TestAccelerators.OpenCl.LoadStreamKernel<ArrayView<float>, ArrayView<long>, ArrayView<double>>(WideAtomics)(
            (4, 32), floats.View, longs.View, doubles.View);
        Assert.Multiple(() =>
        {
            Assert.That(floats.GetAsArray1D(), Is.EqualTo(new[] { 128f * 127 / 2, 127f, -127f }));
            Assert.That(longs.GetAsArray1D(), Is.EqualTo(new[] { (1L << 40) + (128 * 127 / 2), 127L << 33 }));
            Assert.That(doubles.GetAsArray1D(), Is.EqualTo(new[] { 128.5 }));
        });
    }

    [Test]
    public void Group_that_leaves_early_writes_nothing_and_the_others_only_their_part()
    {
        // PoCL 3.1 runs the loop for every lane where the branch does not end with a barrier
        float[] result = Run(SomeGroupsLeaveEarly, 3, 64, Enumerable.Repeat(-1f, 200));
        Assert.That(result, Is.EqualTo(Enumerable.Range(0, 200).Select(i => i is >= 64 and < 69 or >= 128 and < 133 ? 64f : -1f)));
    }

    [Test]
    public void Sound_kernels_run()
    {
        float[] reversed = Run(SoundKernels.ReversesThroughShared, 2, 32, new float[64]);
        float[] summed = Run(SoundKernels.SumsAtomically, 4, 32, new float[1]);
        float[] exchanged = Run(SoundKernels.ExchangesWithinWarps, 1, 32, Enumerable.Repeat(1f, 32));
        float[] byWarps = Run(SoundKernels.SumsByWarpBarriers, 1, 32, new float[32]);
        float[] bytes = Run(SoundKernels.WritesSingleBytes, 1, 32, new float[8]);
        Assert.Multiple(() =>
        {
            Assert.That(reversed, Is.EqualTo(Enumerable.Range(0, 64).Select(i => (float)((i / 32 * 32) + 31 - (i % 32)))));
            Assert.That(summed, Is.EqualTo(new[] { 128f }));
            Assert.That(exchanged, Is.All.EqualTo((float)Warp));
            Assert.That(byWarps, Is.All.EqualTo((float)Warp));
            Assert.That(OpenClRun.Bytes(bytes), Is.EqualTo(Enumerable.Range(1, 32).Select(i => (byte)i)));
        });
    }

    private static void WideAtomics(ArrayView<float> floats, ArrayView<long> longs, ArrayView<double> doubles)
    {
        int i = Grid.GlobalIndex.X;
        Atomic.Add(ref floats[0], i);
        Atomic.Max(ref floats[1], i);
        Atomic.Min(ref floats[2], -i);
        Atomic.Add(ref longs[0], i);
        Atomic.Max(ref longs[1], (long)i << 33);
        Atomic.Add(ref doubles[0], 1.0);
    }

    private static void SomeGroupsLeaveEarly(ArrayView<float> data)
    {
        var shared = SharedMemory.Allocate<float>(64);
        if (Grid.IdxX == 0)
        {
            return;
        }

        shared[Group.IdxX] = 1;
        Group.Barrier();
        for (int i = Group.IdxX; i < 5; i += Group.DimX)
        {
            float sum = 0;
            for (int k = 0; k < Group.DimX; k++)
            {
                sum += shared[k];
            }

            data[(Grid.IdxX * Group.DimX) + i] = sum;
        }
    }

    private static float[] Run(Action<ArrayView<float>> kernel, int groups, int lanes, IEnumerable<float> values) =>
        Run(TestAccelerators.OpenCl, kernel, groups, lanes, values);

    private static float[] Run(Accelerator accelerator, Action<ArrayView<float>> kernel, int groups, int lanes, IEnumerable<float> values)
    {
        using var data = accelerator.Allocate1D<float>([.. values]);
        accelerator.LoadStreamKernel(kernel)((groups, lanes), data.View);
        return data.GetAsArray1D();
    }
}
