using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit;

/// <summary>The host side: memory, copies, and launches that cannot be.</summary>
public sealed class HostTests
{
    private Context _context = null!;
    private CPUAccelerator _accelerator = null!;

    [SetUp]
    public void Create()
    {
        _context = Context.Create(builder => builder.CPU(CPUDevice.Default));
        _accelerator = _context.CreateCPUAccelerator(0);
    }

    [TearDown]
    public void Dispose()
    {
        _accelerator.Dispose();
        _context.Dispose();
    }

    [Test]
    public void Buffers_copy_to_and_fro()
    {
        using var source = _accelerator.Allocate1D(new[] { 1, 2, 3, 4 });
        using var target = _accelerator.Allocate1D<int>(4);
        source.View.BaseView.CopyTo(target.View);
        Assert.That(target.GetAsArray1D(), Is.EqualTo(new[] { 1, 2, 3, 4 }));
        target.MemSetToZero();
        target.View.BaseView.SubView(1, 2).CopyFromCPU([7, 8]);
        Assert.That(target.GetAsArray1D(), Is.EqualTo(new[] { 0, 7, 8, 0 }));
    }

    [Test]
    public void Copies_check_their_lengths()
    {
        using var small = _accelerator.Allocate1D<int>(2);
        using var large = _accelerator.Allocate1D<int>(3);
        Assert.Multiple(() =>
        {
            Assert.That(() => small.CopyFromCPU([1, 2, 3]), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => small.CopyToCPU(new int[3]), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => small.View.BaseView.CopyTo(large.View), Throws.ArgumentException);
        });
    }

    [TestCase(-1, 1)]
    [TestCase(0, 5)]
    [TestCase(5, 0)]
    [TestCase(3, 2)]
    [TestCase(1, long.MaxValue)]
    public void Views_lie_within_their_buffer(long index, long length)
    {
        using var buffer = _accelerator.Allocate1D<int>(4);
        Assert.Multiple(() =>
        {
            Assert.That(() => buffer.View.BaseView.SubView(index, length), Throws.TypeOf<ViewRangeException>());
            Assert.That(() => new ArrayView<int>(buffer.Buffer, index, length), Throws.TypeOf<ArgumentOutOfRangeException>());
        });
    }

    [Test]
    public void Cast_leaves_out_what_does_not_fill_an_element()
    {
        using var bytes = _accelerator.Allocate1D(new byte[] { 1, 0, 0, 0, 2, 0, 0 });
        ArrayView<int> cast = bytes.View.BaseView.Cast<int>();
        Assert.That(cast.Length, Is.EqualTo(1));
        Assert.That(cast[0], Is.EqualTo(1));
    }

    [Test]
    public void Memory_is_accounted_and_given_back()
    {
        using (_accelerator.Allocate1D<double>(100))
        {
            Assert.That(_accelerator.AllocatedBytes, Is.EqualTo(800));
        }

        Assert.That(_accelerator.AllocatedBytes, Is.Zero);
        Assert.That(_accelerator.PeakAllocatedBytes, Is.EqualTo(800));
    }

    [Test]
    public void Absurd_allocations_are_typed_errors()
    {
        Assert.That(() => _accelerator.Allocate1D<double>(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => _accelerator.Allocate1D<double>(long.MaxValue / 2), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => _accelerator.Allocate1D<byte>(long.MaxValue / 2), Throws.TypeOf<AcceleratorException>());
    }

    [TestCase(0, 4)]
    [TestCase(4, 0)]
    [TestCase(1, 17)]
    public void Launch_shapes_are_checked(int groups, int lanes)
    {
        using var data = _accelerator.Allocate1D<float>(4);
        var launch = _accelerator.LoadStreamKernel<ArrayView<float>>(SoundKernels.SumsAtomically);
        Assert.That(() => launch((groups, lanes), data.View), Throws.TypeOf<InvalidKernelOperationException>());
    }

    [Test]
    public void Disposed_buffer_is_refused()
    {
        var data = _accelerator.Allocate1D<float>(4);
        var launch = _accelerator.LoadStreamKernel<ArrayView<float>>(SoundKernels.SumsAtomically);
        data.Dispose();
        Assert.That(() => launch((1, 1), data.View), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => data.GetAsArray1D(), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void Memory_of_another_accelerator_is_refused()
    {
        using CPUAccelerator other = _context.CreateCPUAccelerator(0);
        using var data = other.Allocate1D<float>(4);
        var launch = _accelerator.LoadStreamKernel<ArrayView<float>>(SoundKernels.SumsAtomically);
        Assert.That(() => launch((1, 1), data.View), Throws.TypeOf<InvalidKernelOperationException>());
        Assert.That(
            () => _accelerator.LoadKernel<ArrayView<float>>(SoundKernels.SumsAtomically)(other.DefaultStream, (1, 1), default),
            Throws.TypeOf<InvalidKernelOperationException>());
    }

    [Test]
    public void Views_inside_structs_are_checked_too()
    {
        var data = _accelerator.Allocate1D<float>(4);
        var pair = new PairOfViews(data.View, data.View);
        data.Dispose();
        Assert.That(
            () => _accelerator.LoadStreamKernel<PairOfViews>(CopiesFirst)((1, 1), pair), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void Instance_methods_are_no_kernels() =>
        Assert.That(() => _accelerator.LoadStreamKernel<int>(NotStatic), Throws.TypeOf<InvalidKernelOperationException>());

    [Test]
    public void Device_side_is_refused_outside_a_kernel()
    {
        Assert.That(() => Group.IdxX, Throws.TypeOf<InvalidKernelOperationException>());
        Assert.That(() => Group.Barrier(), Throws.TypeOf<InvalidKernelOperationException>());
        Assert.That(() => SharedMemory.Allocate<float>(1), Throws.TypeOf<InvalidKernelOperationException>());
    }

    [Test]
    public void Kernel_takes_fourteen_arguments()
    {
        using var data = _accelerator.Allocate1D(new int[1]);
        _accelerator.LoadStreamKernel<ArrayView<int>, int, int, int, int, int, int, int, int, int, int, int, int, int>(SumsArguments)(
            (1, 1), data.View, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);
        Assert.That(data.GetAsArray1D()[0], Is.EqualTo(91));
    }

    [TestCase(0, 1, 1)]
    [TestCase(3, 1, 1)]
    [TestCase(32, 33, 1)]
    public void Device_shapes_are_checked(int warp, int warps, int multiprocessors) =>
        Assert.That(() => new CPUDevice(warp, warps, multiprocessors), Throws.TypeOf<ArgumentOutOfRangeException>());

    private static void CopiesFirst(PairOfViews pair) => pair.Second[0] = pair.First[0];

    private static void SumsArguments(
        ArrayView<int> sum, int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l, int m) =>
        sum[0] = a + b + c + d + e + f + g + h + i + j + k + l + m;

    private void NotStatic(int value) => _ = value + _accelerator.WarpSize;

    private readonly record struct PairOfViews(ArrayView<float> First, ArrayView<float> Second);
}
