using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Jit.Runtime.Simd;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit;

/// <summary>Arguments that are constants of the compiled code: a compilation for each value, and not more than a stated number.</summary>
public sealed class SpecializedValueTests
{
    private const int Length = 64;

    [Test]
    public void Value_is_a_constant_and_a_loop_to_it_is_unrolled()
    {
        IrFunction function = KernelText.Optimized(Method(nameof(SumsFirst)), new(0, Values(nameof(SumsFirst), 5)));
        string text = IrPrinter.Print(function);
        int loads = function.Instructions.Count(instruction => instruction.Op == Op.Load);
        Assert.Multiple(() =>
        {
            Assert.That(loads, Is.EqualTo(5), text);
            Assert.That(function.Blocks, Has.Count.EqualTo(1), text);
            Assert.That(function.Instructions.Where(IsTheValue), Is.Empty, text);
            Assert.That(function.Parameters[^1].Name, Is.EqualTo("count.Value"), "a launch passes it all the same");
        });

        IrFunction general = KernelText.Optimized(Method(nameof(SumsFirst)), new(0, SpecializedArguments.None));
        Assert.That(general.Instructions.Where(IsTheValue), Has.Exactly(1).Items, "without values it is an argument like any other");

        static bool IsTheValue(Instruction instruction) => instruction is { Op: Op.Parameter, Immediate: 4 };
    }

    [Test]
    public void Ptx_does_not_read_the_argument()
    {
        var options = new PtxOptions(PtxTarget.Parse("sm_80"));
        int Reads(SpecializedArguments values) =>
            PtxEmitter.Emit(KernelText.Optimized(Method(nameof(SumsFirst)), new(0, values)), options).Text.Split("ld.param").Length - 1;

        Assert.That((Reads(SpecializedArguments.None), Reads(Values(nameof(SumsFirst), 5))), Is.EqualTo((3, 2)));
    }

    [TestCase("simd")]
    [TestCase("opencl")]
    public void Different_values_are_compiled_and_the_same_is_not_compiled_again(string device)
    {
        using Context context = Open(device, null, out Accelerator accelerator);
        var launch = accelerator.LoadStreamKernel<ArrayView<float>, ArrayView<float>, SpecializedValue<int>>(SumsFirst);
        Assert.That(accelerator.KernelLoading.Compiled, Is.Zero, "before a launch there is no value");
        foreach ((int count, int compiled) in new[] { (3, 1), (3, 1), (7, 2), (0, 3), (7, 3), (3, 3) })
        {
            Assert.That(Sum(accelerator, launch, count), Is.EqualTo(count * (count + 1) / 2f), $"sum of {count}");
            Assert.That(accelerator.KernelLoading.Compiled, Is.EqualTo(compiled), $"after {count}");
        }
    }

    [TestCase("simd")]
    [TestCase("opencl")]
    public void Beyond_a_number_of_values_one_code_serves_the_rest(string device)
    {
        using Context context = Open(device, null, out Accelerator accelerator);
        var launch = accelerator.LoadStreamKernel<ArrayView<float>, ArrayView<float>, SpecializedValue<int>>(SumsFirst);
        for (int count = 0; count < SpecializedKernel.MostValues + 8; count++)
        {
            Assert.That(Sum(accelerator, launch, count), Is.EqualTo(count * (count + 1) / 2f), $"sum of {count}");
        }

        Assert.That(accelerator.KernelLoading.Compiled, Is.EqualTo(SpecializedKernel.MostValues + 1));
    }

    [TestCase("simd")]
    [TestCase("opencl")]
    public void Kernel_that_needs_the_constant_is_compiled_for_each_value(string device)
    {
        using Context context = Open(device, null, out Accelerator accelerator);
        var launch = accelerator.LoadStreamKernel<ArrayView<int>, SpecializedValue<int>>(ReversesThroughShared);
        int[] counts = [.. Enumerable.Range(1, SpecializedKernel.MostValues + 3)];
        foreach (int count in counts)
        {
            using var data = accelerator.Allocate1D(Enumerable.Range(0, count).ToArray());
            launch((1, 1), data.View, SpecializedValue.New(count));
            Assert.That(data.GetAsArray1D(), Is.EqualTo(Enumerable.Range(0, count).Reverse()));
        }

        // the general code is tried once, in vain
        Assert.That(accelerator.KernelLoading.Compiled - counts.Length, Is.InRange(0, 1));
    }

    [Test]
    public void Every_type_of_number_and_structs_are_values()
    {
        using Context simd = Open("simd", null, out Accelerator accelerator);
        using Context cpu = Context.Create(builder => builder.CPU(CPUDevice.Sequential));
        double[] Run(Accelerator on)
        {
            using var result = on.Allocate1D(new double[7]);
            on.LoadStreamKernel<
                ArrayView<double>,
                SpecializedValue<sbyte>,
                SpecializedValue<bool>,
                SpecializedValue<float>,
                SpecializedValue<double>,
                SpecializedValue<Shape>>(Writes)(
                (1, 1),
                result.View,
                SpecializedValue.New((sbyte)-3),
                SpecializedValue.New(true),
                SpecializedValue.New(-1.25f),
                SpecializedValue.New(1e300),
                SpecializedValue.New(new Shape(-7, 200, 1L << 40)));
            return result.GetAsArray1D();
        }

        double[] found = Run(accelerator);
        Assert.That(found, Is.EqualTo(new[] { -3, 1, -1.25, 1e300, -7, 200, Math.Pow(2, 40) }));
        Assert.That(found, Is.EqualTo(Run(cpu.CreateCPUAccelerator(0))));
    }

    [Test]
    public void Values_are_kept_apart_in_the_cache()
    {
        using var folder = new TemporaryFolder();
        KernelLoading Run(params int[] counts)
        {
            using Context context = Open("opencl", folder.Path, out Accelerator accelerator);
            var launch = accelerator.LoadStreamKernel<ArrayView<float>, ArrayView<float>, SpecializedValue<int>>(SumsFirst);
            foreach (int count in counts)
            {
                Assert.That(Sum(accelerator, launch, count), Is.EqualTo(count * (count + 1) / 2f));
            }

            return accelerator.KernelLoading;
        }

        KernelLoading first = Run(2, 9);
        KernelLoading second = Run(9, 2, 4);
        Assert.That((first.Compiled, first.FromCache), Is.EqualTo((2, 0)));
        Assert.That((second.Compiled, second.FromCache), Is.EqualTo((1, 2)));
    }

    private static void SumsFirst(ArrayView<float> data, ArrayView<float> sum, SpecializedValue<int> count)
    {
        float total = 0;
        for (int i = 0; i < count; i++)
        {
            total += data[i];
        }

        sum[0] = total;
    }

    private static void ReversesThroughShared(ArrayView<int> data, SpecializedValue<int> count)
    {
        ArrayView<int> shared = SharedMemory.Allocate<int>(count);
        for (int i = 0; i < count; i++)
        {
            shared[i] = data[i];
        }

        for (int i = 0; i < count; i++)
        {
            data[i] = shared[count - 1 - i];
        }
    }

    private static void Writes(
        ArrayView<double> result,
        SpecializedValue<sbyte> small,
        SpecializedValue<bool> truth,
        SpecializedValue<float> single,
        SpecializedValue<double> wide,
        SpecializedValue<Shape> shape)
    {
        result[0] = small.Value;
        result[1] = truth ? 1 : 0;
        result[2] = single;
        result[3] = wide;
        result[4] = shape.Value.X;
        result[5] = shape.Value.Y;
        result[6] = shape.Value.Size;
    }

    private static float Sum(
        Accelerator accelerator, Action<KernelConfig, ArrayView<float>, ArrayView<float>, SpecializedValue<int>> launch, int count)
    {
        using var data = accelerator.Allocate1D(Enumerable.Range(1, Length).Select(i => (float)i).ToArray());
        using var sum = accelerator.Allocate1D(new float[1]);
        launch((1, 1), data.View, sum.View, SpecializedValue.New(count));
        return sum.GetAsArray1D()[0];
    }

    private static Context Open(string device, string? cache, out Accelerator accelerator)
    {
        if (device == "simd")
        {
            Context simd = Context.Create(builder => builder.Simd());
            accelerator = simd.CreateSimdAccelerator(0);
            return simd;
        }

        nint handle = TestAccelerators.OpenCl.Device.Handle;
        Context context = Context.Create(builder => builder.OpenCL(found => found.Handle == handle));
        accelerator = new CLAccelerator(context, context.GetCLDevice(0)) { Cache = cache is null ? null : new(cache) };
        return context;
    }

    private static MethodInfo Method(string name) =>
        typeof(SpecializedValueTests).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;

    private static SpecializedArguments Values(string kernel, long value)
    {
        IReadOnlyList<FlatArgument> layout = ArgumentLayout.Of(Method(kernel));
        long[] arguments = new long[layout.Count];
        arguments[^1] = value;
        return SpecializedArguments.Of(SpecializedArguments.Indices(layout), arguments);
    }

    private readonly record struct Shape(int X, byte Y, long Size);
}
