using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit;

/// <summary>The sanitizer finds each of its faults in kernels planted here, names the place, and is silent about kernels without one.</summary>
public sealed class SanitizerTests
{
    private Context _context = null!;
    private CPUAccelerator _accelerator = null!;

    [SetUp]
    public void Create()
    {
        _context = Context.Create(builder => builder.CPU(new CPUDevice(8, 4, 1) { Sanitize = true }));
        _accelerator = _context.CreateCPUAccelerator(0);
    }

    [TearDown]
    public void Dispose()
    {
        _accelerator.Dispose();
        _context.Dispose();
    }

    [Test]
    public void Index_outside_a_view_is_reported_with_its_address()
    {
        var fault = Launch<KernelIndexOutOfRangeException>(FaultyKernels.WritesOneTooFar, grid: 3, lanes: 32, length: 90);
        Assert.Multiple(() =>
        {
            Assert.That(fault.Kernel, Is.EqualTo("FaultyKernels.WritesOneTooFar"));
            Assert.That(fault.Group, Is.EqualTo(new Index3D(2, 0, 0)));
            Assert.That(fault.Lane, Is.EqualTo(new Index3D(26, 0, 0)));
            AssertLine(fault.Location, "outside the view");
            Assert.That(fault.Message, Does.Contain("index 90 is outside a view of 90 elements of Single"));
        });
    }

    [Test]
    public void Race_on_shared_memory_names_both_lanes_and_lines()
    {
        var fault = Launch<KernelRaceException>(FaultyKernels.ForgetsABarrier, grid: 2, lanes: 16, length: 32);
        Assert.Multiple(() =>
        {
            Assert.That(fault.Message, Does.Contain("shared"));
            Assert.That(fault.Other.Lane, Is.Not.EqualTo(fault.Lane));
            AssertLine(fault.Location, "writes its own");
            AssertLine(fault.Other, "reads its neighbour");
        });
    }

    [Test]
    public void Race_on_global_memory_within_a_group_is_found()
    {
        var fault = Launch<KernelRaceException>(FaultyKernels.AllWriteTheFirst, grid: 1, lanes: 4, length: 4);
        Assert.Multiple(() =>
        {
            Assert.That(fault.Message, Does.Contain("global"));
            Assert.That(fault.Lane, Is.EqualTo(new Index3D(1, 0, 0)));
            Assert.That(fault.Other.Lane, Is.EqualTo(new Index3D(0, 0, 0)));
            AssertLine(fault.Location, "all write");
        });
    }

    [Test]
    public void Race_between_groups_is_found_though_each_has_barriers()
    {
        var fault = Launch<KernelRaceException>(FaultyKernels.GroupsShareAnElement, grid: 2, lanes: 2, length: 4);
        Assert.Multiple(() =>
        {
            Assert.That(fault.Group, Is.EqualTo(new Index3D(1, 0, 0)));
            Assert.That(fault.Other.Group, Is.EqualTo(new Index3D(0, 0, 0)));
        });
    }

    [Test]
    public void Write_after_a_read_of_another_lane_is_a_race()
    {
        var fault = Launch<KernelRaceException>(FaultyKernels.OverwritesWhatOthersRead, grid: 1, lanes: 8, length: 8);
        AssertLine(fault.Location, "overwrites");
        AssertLine(fault.Other, "is read");
    }

    [Test]
    public void Plain_access_beside_an_atomic_one_is_a_race() =>
        Launch<KernelRaceException>(FaultyKernels.MixesAtomicAndPlain, grid: 1, lanes: 4, length: 4);

    [Test]
    public void Barrier_that_a_lane_never_reaches_is_reported()
    {
        var fault = Launch<KernelBarrierDivergenceException>(FaultyKernels.LeavesBeforeTheBarrier, grid: 1, lanes: 8, length: 8);
        AssertLine(fault.Location, "not for all");
        Assert.That(fault.Message, Does.Contain("7 of 8 lanes wait").And.Contain("lane 3 has returned"));
    }

    [Test]
    public void Lanes_at_different_barriers_are_reported()
    {
        var fault = Launch<KernelBarrierDivergenceException>(FaultyKernels.EachBranchHasABarrier, grid: 1, lanes: 8, length: 8);
        AssertLine(fault.Location, "even lanes");
    }

    [Test]
    public void Shuffle_that_a_lane_of_the_warp_never_reaches_is_reported()
    {
        var fault = Launch<KernelBarrierDivergenceException>(FaultyKernels.HalfAWarpShuffles, grid: 1, lanes: 8, length: 8);
        AssertLine(fault.Location, "half a warp");
    }

    [Test]
    public void Read_of_shared_memory_that_nobody_wrote_is_reported()
    {
        var fault = Launch<KernelUninitializedReadException>(FaultyKernels.ReadsUnwrittenShared, grid: 2, lanes: 4, length: 8);
        AssertLine(fault.Location, "nobody wrote");
        Assert.That(fault.Lane, Is.EqualTo(new Index3D(0, 0, 0)));
    }

    [Test]
    public void Shared_memory_of_the_group_before_counts_as_unwritten()
    {
        var fault = Launch<KernelUninitializedReadException>(FaultyKernels.OnlyTheFirstGroupWrites, grid: 2, lanes: 4, length: 8);
        Assert.That(fault.Group, Is.EqualTo(new Index3D(1, 0, 0)));
    }

    [Test]
    public void Exception_in_a_kernel_carries_its_address()
    {
        var fault = Launch<KernelFailedException>(FaultyKernels.DividesByZero, grid: 1, lanes: 4, length: 4);
        Assert.That(fault.InnerException, Is.TypeOf<DivideByZeroException>());
        AssertLine(fault.Location, "by zero");
        Assert.That(fault.Lane, Is.EqualTo(new Index3D(2, 0, 0)));
    }

    [Test]
    public void Accelerator_still_works_after_a_fault()
    {
        Launch<KernelBarrierDivergenceException>(FaultyKernels.LeavesBeforeTheBarrier, grid: 1, lanes: 8, length: 8);
        using var data = _accelerator.Allocate1D(new float[64]);
        _accelerator.LoadStreamKernel<ArrayView<float>>(SoundKernels.ReversesThroughShared)((2, 32), data.View);
        Assert.That(data.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, 64).Select(i => (float)((i / 32 * 32) + 31 - (i % 32)))));
    }

    [Test]
    public void Sound_kernels_are_left_alone()
    {
        using var data = _accelerator.Allocate1D(new float[64]);
        Assert.Multiple(() =>
        {
            foreach (Action<ArrayView<float>> kernel in new Action<ArrayView<float>>[]
            {
                SoundKernels.ReversesThroughShared, SoundKernels.SumsAtomically, SoundKernels.ExchangesWithinWarps, SoundKernels.SumsByWarpBarriers,
                SoundKernels.WritesSingleBytes,
            })
            {
                Assert.That(() => _accelerator.LoadStreamKernel(kernel)((2, 32), data.View), Throws.Nothing, kernel.Method.Name);
            }
        });
    }

    private static void AssertLine(KernelLocation location, string comment)
    {
        Assert.That(Path.GetFileName(location.File), Is.EqualTo("FaultyKernels.cs"));
        Assert.That(File.ReadAllLines(location.File!)[location.Line - 1], Does.Contain("// " + comment));
    }

    private TFault Launch<TFault>(Action<ArrayView<float>> kernel, int grid, int lanes, int length)
        where TFault : KernelFaultException
    {
        using var data = _accelerator.Allocate1D(new float[length]);
        var launch = _accelerator.LoadStreamKernel(kernel);
        return Assert.Throws<TFault>(() => launch((grid, lanes), data.View))!;
    }
}
