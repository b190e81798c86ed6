using Llama.Gpu.Bench.StaticAnalysis;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using NUnit.Framework;
using Half = Llama.Gpu.Jit.Half;

namespace Llama.Gpu.Tests.Bench;

/// <summary>What accesses of a warp cost, counted by hand.</summary>
public sealed class WarpAccessTests
{
    // bytes of a lane, bytes from lane to lane, passes over the banks, the fewest for as many words
    [TestCase(4, 4, 1, 1)]
    [TestCase(4, 0, 1, 1)]
    [TestCase(4, 8, 2, 1)]
    [TestCase(4, 128, 32, 1)]
    [TestCase(4, 132, 1, 1)]
    [TestCase(2, 2, 1, 1)]
    [TestCase(2, 128, 32, 1)]
    [TestCase(8, 8, 2, 2)]
    [TestCase(8, 16, 4, 2)]
    [TestCase(16, 16, 4, 4)]
    [TestCase(16, 64, 16, 4)]
    [TestCase(16, 80, 4, 4)]
    public void Shared_memory_is_read_by_banks(int bytes, int stride, int passes, int least) =>
        Assert.That(WarpAccess.Shared(Lanes(stride), bytes), Is.EqualTo(new WarpAccess(passes, least)));

    [TestCase(4, 4, 4, 4)]
    [TestCase(4, 0, 1, 1)]
    [TestCase(4, 128, 32, 4)]
    [TestCase(16, 16, 16, 16)]
    [TestCase(2, 2, 2, 2)]
    [TestCase(4, 8, 8, 4)]
    public void Global_memory_is_read_by_sectors(int bytes, int stride, int sectors, int least) =>
        Assert.That(WarpAccess.Global(Lanes(stride), bytes), Is.EqualTo(new WarpAccess(sectors, least)));

    [Test]
    public void Lanes_that_do_not_take_part_cost_nothing()
    {
        long?[] half = [.. Lanes(128).Select((address, lane) => lane < 16 ? address : null)];
        Assert.Multiple(() =>
        {
            Assert.That(WarpAccess.Shared(half, 4), Is.EqualTo(new WarpAccess(16, 1)));
            Assert.That(WarpAccess.Shared(new long?[32], 4), Is.EqualTo(default(WarpAccess)));
            Assert.That(WarpAccess.Global(new long?[32], 4), Is.EqualTo(default(WarpAccess)));
        });
    }

    [TestCase(32, 0, 32.0)]
    [TestCase(33, 0, 1.0)]
    [TestCase(1, 0, 1.0)]
    [TestCase(32, 5, 32.0)]
    public void Kernel_is_followed_through_loops_and_parted_lanes(int stride, int extra, double ratio)
    {
        var kernel = new CatalogedKernel("test", ((Action<ArrayView<float>, int, int>)Strided).Method, 64);
        var launch = new RecordedLaunch(kernel, new(1, 1, 1), new(64, 1, 1), 0, [4096, 64, stride, extra]);
        AccessFigures figures = AccessFigures.Of(launch);
        Assert.Multiple(() =>
        {
            // each of two warps: extra + 1 stores of all lanes, and one of the even ones, which halves the words
            Assert.That(figures.Worst!.Ratio, Is.EqualTo(ratio));
            Assert.That(figures.Worst.Line, Does.Contain("WarpAccessTests.cs:"));
            Assert.That(figures.Shared.Least, Is.EqualTo(2 * (extra + 2)));
            Assert.That(figures.Global, Is.EqualTo(new WarpAccess(8, 8)));
        });
    }

    [Test]
    public void Box_is_copied_as_its_rows_lie()
    {
        var kernel = new CatalogedKernel("test", ((Action<TensorMap<Half>, int>)Boxed).Method, 32);
        var launch = new RecordedLaunch(kernel, new(1, 1, 1), new(32, 1, 1), 8192 + 8, [0, 100])
        {
            Maps = new Dictionary<int, TensorMapFields> { [0] = new(4096, 130, 128, 64, IsBFloat16: false) },
        };
        AccessFigures figures = AccessFigures.Of(launch);
        Assert.Multiple(() =>
        {
            // 64 rows of all banks; of global memory only the 30 rows that there are, four sectors each
            Assert.That(figures.Shared, Is.EqualTo(new WarpAccess(64, 64)));
            Assert.That(figures.Global, Is.EqualTo(new WarpAccess(120, 120)));
        });
    }

    private static long?[] Lanes(int stride) => [.. Enumerable.Range(0, 32).Select(lane => (long?)(4096 + (lane * stride)))];

    private static void Strided(ArrayView<float> data, int stride, int extra)
    {
        ArrayView<float> tile = SharedMemory.Allocate<float>(4096);
        int lane = Group.IdxX;
        for (int i = 0; i <= extra; i++)
        {
            tile[(lane * stride) + (i * 7)] = i;
        }

        Group.Barrier();
        if ((lane & 1) == 0)
        {
            tile[lane * stride] = 1;
        }

        Group.Barrier();
        data[lane] = 0;
    }

    private static void Boxed(TensorMap<Half> map, int row)
    {
        ArrayView<Half> memory = SharedMemory.GetDynamic<Half>();
        ArrayView<ulong> barriers = memory.SubView(64 * 64).Cast<ulong>();
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barriers, 0, 1);
            AsyncBarrier.ArriveAndExpect(barriers, 0, 8192);
            map.Load(memory, 0, row, 64, barriers, 0);
        }

        AsyncBarrier.Wait(barriers, 0, 0);
    }
}
