using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit;

/// <summary>What lanes of a group do together: barriers, exchanges, shared and local memory, atomics, indices.</summary>
public sealed class CooperationTests
{
    private Context _context = null!;
    private CPUAccelerator _accelerator = null!;

    [SetUp]
    public void Create()
    {
        _context = Context.Create(builder => builder.CPU(new CPUDevice(8, 8, 1)));
        _accelerator = _context.CreateCPUAccelerator(0);
    }

    [TearDown]
    public void Dispose()
    {
        _accelerator.Dispose();
        _context.Dispose();
    }

    [TestCase(1)]
    [TestCase(7)]
    [TestCase(8)]
    [TestCase(33)]
    [TestCase(64)]
    public void Tree_reduction_through_shared_memory_sums_a_group(int lanes)
    {
        float[] result = Run(TreeSum, 3, lanes, Enumerable.Range(0, 3 * lanes).Select(i => (float)i));
        Assert.That(
            Enumerable.Range(0, 3).Select(group => result[group * lanes]),
            Is.EqualTo(Enumerable.Range(0, 3).Select(group => Enumerable.Range(group * lanes, lanes).Sum(i => (float)i))));
    }

    [Test]
    public void Shuffles_take_the_value_of_their_source_and_else_their_own()
    {
        float[] result = Run(Shuffles, 1, 16, new float[64]);
        Assert.Multiple(() =>
        {
            for (int lane = 0; lane < 16; lane++)
            {
                int first = lane / 8 * 8;
                int inWarp = lane % 8;
                Assert.That(result[lane], Is.EqualTo(inWarp + 3 < 8 ? lane + 3 : lane), "down");
                Assert.That(result[16 + lane], Is.EqualTo(inWarp - 1 >= 0 ? lane - 1 : lane), "up");
                Assert.That(result[32 + lane], Is.EqualTo(first + (inWarp ^ 5)), "xor");
                Assert.That(result[48 + lane], Is.EqualTo(first + 2), "broadcast");
            }
        });
    }

    [Test]
    public void Successive_exchanges_do_not_mix()
    {
        float[] result = Run(RotatesManyTimes, 1, 64, new float[64]);
        Assert.That(result, Is.EqualTo(Enumerable.Range(0, 64).Select(i => (float)((i + 10) % 64))));
    }

    [Test]
    public void Warp_that_is_not_full_exchanges_among_its_lanes()
    {
        float[] result = Run(WarpSum, 1, 11, Enumerable.Repeat(1f, 11));
        Assert.That(result, Is.EqualTo(Enumerable.Repeat(8f, 8).Concat(Enumerable.Repeat(3f, 3))));
    }

    [Test]
    public void Indices_count_x_first_in_three_dimensions()
    {
        using var data = _accelerator.Allocate1D(new float[2 * 3 * 2 * 2 * 2 * 3]);
        _accelerator.LoadStreamKernel<ArrayView<float>>(WritesItsNumber)(new KernelConfig(2, 3, 2, 2, 2, 3), data.View);
        Assert.That(data.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, 144).Select(i => (float)i)));
    }

    [Test]
    public void Dynamic_shared_memory_has_the_requested_size()
    {
        using var data = _accelerator.Allocate1D(new float[32]);
        var launch = _accelerator.LoadStreamKernel<ArrayView<float>>(ReversesThroughDynamic);
        launch(new KernelConfig(2, 16, SharedMemoryConfig.RequestDynamic<float>(16)), data.View);
        Assert.That(data.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, 32).Select(i => (float)((i / 16 * 16) + 15 - (i % 16)))));
        Assert.That(() => launch((2, 16), data.View), Throws.TypeOf<KernelIndexOutOfRangeException>());
    }

    [Test]
    public void Local_memory_belongs_to_one_lane()
    {
        float[] result = Run(SumsThroughLocal, 2, 8, new float[16]);
        Assert.That(result, Is.EqualTo(Enumerable.Range(0, 16).Select(i => (float)(4 * (i % 8)))));
    }

    [Test]
    public void Shared_memory_beyond_the_device_is_an_error_of_the_kernel()
    {
        var fault = Assert.Throws<KernelFailedException>(() => Run(AsksForTooMuchShared, 1, 2, new float[2]));
        Assert.That(fault!.Message, Does.Contain("232448 bytes of shared memory"));
    }

    [Test]
    public void Local_memory_in_a_runaway_loop_is_an_error_of_the_kernel() =>
        Assert.That(() => Run(AllocatesWithoutEnd, 1, 2, new float[2]), Throws.TypeOf<KernelFailedException>());

    [Test]
    public void Atomics_lose_no_update()
    {
        using var data = _accelerator.Allocate1D(new[] { 0, int.MinValue, int.MaxValue, 0, 0, 100, 7, 0 });
        _accelerator.LoadStreamKernel<ArrayView<int>>(AtomicUpdates)((4, 32), data.View);
        Assert.That(data.GetAsArray1D(), Is.EqualTo(new[] { 128, 127, 0, 127, 0, 1, 0, 128 * 127 / 2 }));
    }

    [Test]
    public void Kernel_of_one_lane_passes_barriers_and_exchanges()
    {
        float[] result = Run(TreeSum, 5, 1, [1f, 2f, 3f, 4f, 5f]);
        Assert.That(result, Is.EqualTo(new[] { 1f, 2f, 3f, 4f, 5f }));
    }

    [Test]
    public void Launches_take_the_same_course_each_time()
    {
        float[] first = Run(OrderOfArrival, 2, 32, new float[64]);
        for (int i = 0; i < 5; i++)
        {
            Assert.That(Run(OrderOfArrival, 2, 32, new float[64]), Is.EqualTo(first));
        }
    }

    internal static void TreeSum(ArrayView<float> data)
    {
        var shared = SharedMemory.Allocate<float>(64);
        shared[Group.IdxX] = data[Grid.GlobalIndex.X];
        Group.Barrier();
        for (int stride = 32; stride > 0; stride >>= 1)
        {
            if (Group.IdxX < stride && Group.IdxX + stride < Group.DimX)
            {
                shared[Group.IdxX] += shared[Group.IdxX + stride];
            }

            Group.Barrier();
        }

        data[Grid.GlobalIndex.X] = shared[0];
    }

    internal static void Shuffles(ArrayView<float> data)
    {
        float own = Group.IdxX;
        data[Group.IdxX] = Warp.ShuffleDown(own, 3);
        data[16 + Group.IdxX] = Warp.ShuffleUp(own, 1);
        data[32 + Group.IdxX] = Warp.ShuffleXor(own, 5);
        data[48 + Group.IdxX] = Warp.Broadcast(own, 2);
    }

    internal static void RotatesManyTimes(ArrayView<float> data)
    {
        var shared = SharedMemory.Allocate<float>(64);
        float value = Group.IdxX;
        for (int i = 0; i < 10; i++)
        {
            shared[Group.IdxX] = value;
            Group.Barrier();
            value = shared[(Group.IdxX + 1) & 63];
            Group.Barrier();
            float first = Group.Broadcast(value, 0);
            value += Warp.ShuffleXor(first, 1) - first;
        }

        data[Group.IdxX] = value;
    }

    internal static void WarpSum(ArrayView<float> data)
    {
        float sum = 0;
        for (int i = 0; i < Warp.WarpSize; i++)
        {
            float other = Warp.Shuffle(data[Group.IdxX], i);
            sum += (Warp.WarpIdx * Warp.WarpSize) + i < Group.DimX ? other : 0;
        }

        data[Group.IdxX] = sum;
    }

    internal static void WritesItsNumber(ArrayView<float> data)
    {
        int group = Grid.LinearIndex;
        data[(group * Group.Dimension.Size) + Group.LinearIndex] =
            (group * 12) + (((Group.IdxZ * Group.DimY) + Group.IdxY) * Group.DimX) + Group.IdxX;
    }

    internal static void ReversesThroughDynamic(ArrayView<float> data)
    {
        var shared = SharedMemory.GetDynamic<float>();
        shared[Group.IdxX] = Grid.GlobalIndex.X;
        Group.Barrier();
        data[Grid.GlobalIndex.X] = shared[Group.DimX - 1 - Group.IdxX];
    }

    internal static void SumsThroughLocal(ArrayView<float> data)
    {
        var local = LocalMemory.Allocate<float>(4);
        for (int i = 0; i < 4; i++)
        {
            local[i] = Group.IdxX;
        }

        Group.Barrier();
        data[Grid.GlobalIndex.X] = local[0] + local[1] + local[2] + local[3];
    }

    private static void AsksForTooMuchShared(ArrayView<float> data) => data[Group.IdxX] = SharedMemory.Allocate<float>(60_000)[0];

    private static void AllocatesWithoutEnd(ArrayView<float> data)
    {
        while (data[0] >= 0)
        {
            LocalMemory.Allocate<float>(1024)[0] = 1;
        }
    }

    internal static void AtomicUpdates(ArrayView<int> data)
    {
        int i = Grid.GlobalIndex.X;
        Atomic.Add(ref data[0], 1);
        Atomic.Max(ref data[1], i);
        Atomic.Min(ref data[2], i);
        Atomic.Or(ref data[3], i);
        Atomic.And(ref data[4], i);
        Atomic.CompareExchange(ref data[5], 100, 1);
        Atomic.Exchange(ref data[6], 0);
        Atomic.Add(ref data[7], i);
    }

    private static void OrderOfArrival(ArrayView<float> data)
    {
        var next = SharedMemory.Allocate<int>(1);
        if (Group.IsFirstThread)
        {
            next[0] = 0;
        }

        Group.Barrier();
        data[Grid.GlobalIndex.X] = Atomic.Add(ref next[0], 1);
    }

    private float[] Run(Action<ArrayView<float>> kernel, int groups, int lanes, IEnumerable<float> values)
    {
        using var data = _accelerator.Allocate1D<float>([.. values]);
        _accelerator.LoadStreamKernel(kernel)((groups, lanes), data.View);
        return data.GetAsArray1D();
    }
}
