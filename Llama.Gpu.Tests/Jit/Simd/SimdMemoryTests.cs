using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>What memory a launch may have, and what is only a hint about it.</summary>
public sealed class SimdMemoryTests
{
    private const int Lanes = 16;

    [Test]
    public void More_shared_memory_than_the_device_states_is_refused()
    {
        using Context context = Context.Create(builder => builder.Simd(new SimdDevice { SharedMemory = 4096 }));
        using Accelerator accelerator = context.CreateSimdAccelerator(0);
        using var output = accelerator.Allocate1D<int>(Lanes);
        var kernel = accelerator.LoadKernel<ArrayView<int>>(SharedKernel);
        KernelConfig Config(int elements) => new(new Index1D(1), new Index1D(Lanes), SharedMemoryConfig.RequestDynamic<int>(elements));
        kernel(accelerator.DefaultStream, Config(1024 - Lanes), output.View);
        Assert.That(output.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, Lanes).Select(lane => 3 * lane)));
        Assert.That(
            () => kernel(accelerator.DefaultStream, Config(1025 - Lanes), output.View),
            Throws.InstanceOf<InvalidKernelOperationException>().With.Message.Contains("4096"));
    }

    [Test]
    public void Prefetch_may_name_anything_and_changes_nothing([ValueSource(typeof(SimdAccelerators), nameof(SimdAccelerators.Widths))] int bits)
    {
        Accelerator accelerator = SimdAccelerators.Of(bits);
        using var values = accelerator.Allocate1D<int>([.. Enumerable.Range(0, 40)]);
        var kernel = accelerator.LoadKernel<ArrayView<int>>(PrefetchingKernel);
        kernel(accelerator.DefaultStream, new KernelConfig(1, 1, 1, 40, 1, 1), values.View);
        Assert.That(values.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, 40).Select(value => value + 1)));
    }

    [TestCase(true, 3)]
    [TestCase(false, 0)]
    public void Prefetches_are_made_for_targets_that_have_a_use_for_them(bool prefetches, int expected)
    {
        var function = KernelFrontend.Compile(((Action<ArrayView<int>>)PrefetchingKernel).Method, new FrontendOptions { Prefetches = prefetches });
        Assert.That(function.Instructions.Count(instruction => instruction.Op == Op.Prefetch), Is.EqualTo(expected));
    }

    private static void SharedKernel(ArrayView<int> output)
    {
        ArrayView<int> fixedPart = SharedMemory.Allocate<int>(Lanes);
        ArrayView<int> dynamicPart = SharedMemory.GetDynamic<int>();
        fixedPart[Group.IdxX] = Group.IdxX;
        dynamicPart[Group.IdxX] = 2 * Group.IdxX;
        output[Group.IdxX] = fixedPart[Group.IdxX] + dynamicPart[Group.IdxX];
    }

    // one address for all lanes, neighbouring ones, and any
    private static void PrefetchingKernel(ArrayView<int> values)
    {
        int lane = Group.IdxX;
        StreamedMemory.Prefetch(values, 1L << 40);
        StreamedMemory.Prefetch(values, lane - 100);
        StreamedMemory.Prefetch(values, values[lane] * values[lane]);
        values[lane] = values[lane] + 1;
    }
}
