using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>What a compiled kernel is handed at a launch; needs no device, since nothing is compiled.</summary>
public sealed class CompiledLauncherTests
{
    private delegate void Launch(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> view, byte small, short negative, bool truth, DayOfWeek day, Pair pair, double wide);

    [Test]
    public void Arguments_are_flattened_in_order()
    {
        Accelerator accelerator = TestAccelerators.Sequential;
        using var buffer = accelerator.Allocate1D(new float[10]);
        using var other = accelerator.Allocate1D(new int[3]);
        var kernel = new RecordingKernel();
        var launch = (Launch)CompiledLauncher.Create(accelerator, Method(nameof(Kernel)), typeof(Launch), kernel);
        ArrayView<float> view = buffer.View;
        launch(accelerator.DefaultStream, (2, 1), view.SubView(3, 5), 200, -2, true, DayOfWeek.Friday, new Pair { Scale = -1.5f, Ids = other.View }, 0.1);

        Assert.Multiple(() =>
        {
            Assert.That(kernel.Arguments!.Values, Is.EqualTo(new[]
            {
                buffer.Buffer.NativePtr + 12, 5, 200, -2, 1, (long)DayOfWeek.Friday,
                BitConverter.SingleToInt32Bits(-1.5f), other.Buffer.NativePtr, 3, BitConverter.DoubleToInt64Bits(0.1),
            }));
            Assert.That(kernel.Arguments.Buffers, Is.EqualTo(new[]
            {
                buffer.Buffer, null, null, null, null, null, null, other.Buffer, null, null,
            }));
        });
    }

    [Test]
    public void Empty_view_has_no_buffer()
    {
        var kernel = new RecordingKernel();
        Prepare(kernel)(TestAccelerators.Sequential.DefaultStream, (1, 1), default);
        Assert.That(kernel.Arguments!.Buffers, Is.All.Null);
        Assert.That(kernel.Arguments.Values, Is.All.Zero);
    }

    [Test]
    public void Launch_that_cannot_be_reaches_no_kernel()
    {
        Accelerator accelerator = TestAccelerators.Sequential;
        using Accelerator another = TestAccelerators.CreateSanitized(4, 2);
        using var foreign = another.Allocate1D(new float[4]);
        var disposed = accelerator.Allocate1D(new float[4]);
        ArrayView<float> gone = disposed.View;
        disposed.Dispose();
        var kernel = new RecordingKernel();
        var launch = Prepare(kernel);
        Assert.Multiple(() =>
        {
            Assert.That(() => launch(accelerator.DefaultStream, (1, 1), foreign.View), Throws.TypeOf<InvalidKernelOperationException>());
            Assert.That(() => launch(accelerator.DefaultStream, (1, 1), gone), Throws.TypeOf<ObjectDisposedException>());
            Assert.That(() => launch(accelerator.DefaultStream, (0, 1), default), Throws.TypeOf<InvalidKernelOperationException>());
            Assert.That(() => launch(accelerator.DefaultStream, (1, 2), default), Throws.TypeOf<InvalidKernelOperationException>());
            Assert.That(() => launch(another.DefaultStream, (1, 1), default), Throws.TypeOf<InvalidKernelOperationException>());
            Assert.That(kernel.Arguments, Is.Null);
        });
    }

    private static Action<AcceleratorStream, KernelConfig, ArrayView<float>> Prepare(CompiledKernel kernel) =>
        (Action<AcceleratorStream, KernelConfig, ArrayView<float>>)CompiledLauncher.Create(
            TestAccelerators.Sequential, Method(nameof(OfOneView)), typeof(Action<AcceleratorStream, KernelConfig, ArrayView<float>>), kernel);

    private static MethodInfo Method(string name) =>
        typeof(CompiledLauncherTests).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;

    private static void Kernel(ArrayView<float> view, byte small, short negative, bool truth, DayOfWeek day, Pair pair, double wide) =>
        view[0] = truth ? small + negative + (int)day + pair.Scale + pair.Ids.Length + (float)wide : 0;

    private static void OfOneView(ArrayView<float> view) => view[0] = 1;

    private struct Pair
    {
        public float Scale;
        public ArrayView<int> Ids;
    }

    private sealed class RecordingKernel() : CompiledKernel("Recording")
    {
        public LaunchArguments? Arguments { get; private set; }

        public override void Launch(AcceleratorStream stream, in KernelConfig config, LaunchArguments arguments) => Arguments = arguments;
    }
}
