using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Measurement;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Measurement;

/// <summary>The kernels that measure ceilings do all the work that they are credited with.</summary>
public sealed class KernelProbeTests
{
    private const int Lanes = 64;

    // more than one round for some lanes, and not all have as many
    private const int Elements = 4 * ((Lanes * 3) + 5);

    private static readonly KernelConfig Config = new(2, 1, 1, Lanes / 2, 1, 1);

    [Test]
    public void Read_kernel_reads_every_element_once()
    {
        using Accelerator accelerator = TestAccelerators.CreateSanitized(warpSize: 32, warps: 1);
        using var source = accelerator.Allocate1D(Numbers());
        using var results = accelerator.Allocate1D(new float[Lanes]);
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>>(KernelProbe.ReadKernel);
        kernel(accelerator.DefaultStream, Config, source.View, results.View);
        Assert.That(results.GetAsArray1D().Sum(), Is.EqualTo(Numbers().Sum()));
    }

    [Test]
    public void Copy_kernel_copies_every_element()
    {
        using Accelerator accelerator = TestAccelerators.CreateSanitized(warpSize: 32, warps: 1);
        using var source = accelerator.Allocate1D(Numbers());
        using var target = accelerator.Allocate1D(new float[Elements]);
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>>(KernelProbe.CopyKernel);
        kernel(accelerator.DefaultStream, Config, source.View, target.View);
        Assert.That(target.GetAsArray1D(), Is.EqualTo(Numbers()));
    }

    [Test]
    public void Multiply_add_kernel_takes_every_turn()
    {
        using Accelerator accelerator = TestAccelerators.CreateSanitized(warpSize: 32, warps: 1);
        using var results = accelerator.Allocate1D(new float[Lanes]);
        var kernel = accelerator.LoadKernel<ArrayView<float>, float, int>(KernelProbe.MultiplyAddKernel);
        kernel(accelerator.DefaultStream, Config, results.View, 1f, 10);

        // with a factor of 1 each of the eight sums gains the lane's number in each turn: 8 * (lane + 10 lane) + 0 + ... + 7
        Assert.That(results.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, Lanes).Select(lane => (float)((88 * lane) + 28))));
    }

    [Test]
    public void Probe_by_kernels_measures_on_a_compiled_device()
    {
        using var device = DeviceSelector.Open(new DeviceName(DeviceKind.Simd));
        using var probe = new KernelProbe(device.Accelerator, elements: 1 << 20);
        Assert.That(new[] { probe.Read(), probe.Copy(), probe.MultiplyAdd() }, Is.All.GreaterThan(1e6).And.All.LessThan(1e15));
    }

    [TestCase(DeviceKind.Cpu)]
    [TestCase(DeviceKind.Simd)]
    public void Host_is_measured_by_loops_of_its_own(DeviceKind kind)
    {
        using var device = DeviceSelector.Open(new DeviceName(kind));
        using var probe = CeilingProbe.For(device.Accelerator);
        Assert.That(probe, Is.TypeOf<HostProbe>());
        Assert.That(new[] { probe.Read(), probe.Copy(), probe.MultiplyAdd() }, Is.All.GreaterThan(1e8).And.All.LessThan(1e15));
    }

    private static float[] Numbers() => [.. Enumerable.Range(0, Elements).Select(i => (float)(i % 17))];
}
