using System.Runtime.InteropServices;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Kernels;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Ptx;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Cuda;

/// <summary>What the CUDA accelerator does with a driver: each method runs in the copy that <see cref="FakeDriver"/> makes.</summary>
public static unsafe class FakeDriverScenarios
{
    private static nint _library;

    /// <summary>The driver, loaded.</summary>
    internal static nint Library => _library;

    /// <summary>A struct argument: its fields are arguments of the kernel.</summary>
    /// <param name="Count">An extent.</param>
    /// <param name="Small">Eight bits.</param>
    /// <param name="Real">A float of 64 bits.</param>
    public readonly record struct Numbers(int Count, byte Small, double Real);

    /// <summary>Has the copy find the fake driver.</summary>
    public static void FindDriver(string library)
    {
        _library = NativeLibrary.Load(library);
        Assert.That(CudaDevice.Find(out string? problem), Has.Length.EqualTo(1), problem);
    }

    public static void DeviceStatesItsLimits()
    {
        using Context context = Context.Create(builder => builder.Cuda());
        CudaDevice device = context.GetCudaDevice(0);
        Assert.Multiple(() =>
        {
            Assert.That(device.Name, Is.EqualTo("Fake 7"));
            Assert.That(device.ComputeCapability, Is.EqualTo(new Version(9, 0)));
            Assert.That(device.MemorySize, Is.EqualTo(5L << 30));
            Assert.That(device.MaxSharedMemoryPerGroup, Is.EqualTo(232448));
            Assert.That((device.WarpSize, device.NumMultiprocessors, device.MaxNumThreadsPerGroup), Is.EqualTo((32, 132, 1024)));
            Assert.That(device.Problem, Is.Null);
            Assert.That(device.Target.Name, Is.EqualTo("sm_90a"));
        });
    }

    public static void BudgetIsWhatIsFreeLessAMargin() => WithAccelerator(accelerator =>
        Assert.That(DeviceBudget.Available(accelerator), Is.EqualTo((4L << 30) - (256L << 20)), "of 4 GiB that are free of 5"));

    public static void LaunchShapesTakeTensorCores() => WithAccelerator(accelerator =>
    {
        LaunchShapes shapes = LaunchShapes.For(accelerator);
        Assert.That((shapes.TensorCores, shapes.WarpGroups, shapes.Lanes), Is.EqualTo((true, true, LaunchShapes.MaxLanes)));
    });

    public static void MatrixProductOfWarpGroupsPassesTensorMaps() => WithAccelerator(accelerator =>
    {
        const int Tokens = 130;
        const int Outputs = 200;
        const int Inner = 72;
        using var input = accelerator.Allocate1D<float>(Tokens * Inner);
        using var weight = accelerator.Allocate1D<BFloat16>(Outputs * Inner);
        using var output = accelerator.Allocate1D<float>(Tokens * Outputs);
        using var scratch = accelerator.Allocate1D<byte>(2 * Tokens * Inner);
        string Run(int tokens)
        {
            new MatMul(accelerator).Run(
                accelerator.DefaultStream, input.View, WeightView.Of(weight.View.BaseView), output.View, tokens, Outputs, Inner, scratch.View);
            return Log();
        }

        string log = Run(Tokens);
        string few = Run(LaunchShapes.WarpGroupTokens - 1);
        Assert.Multiple(() =>
        {
            Assert.That(log, Does.Contain("InputRounding_Kernel"));
            Assert.That(log, Does.Match(@"WarpGroupMatMul_TileKernel\w* 8 1 1 / 384 1 1 / 196736:"), "eight tiles of 128 x 64, each for a group of its own");
            Assert.That(log, Does.Match(
                " <type 9, 130 x 72 at [0-9a-f]+, box 128 x 64, swizzle 3, promotion 3> <type 9, 200 x 72 at [0-9a-f]+, box 64 x 64, swizzle 3, promotion 3> "));
            Assert.That(few, Does.Contain("TensorCoreMatMul").And.Not.Contain("WarpGroup"));
        });
    });

    public static void MatrixProductOfPairsPassesBoxesOfHalfATile() => WithAccelerator(accelerator =>
    {
        const int Tokens = 2048;
        const int Outputs = 4096;
        const int Inner = 8;
        using var input = accelerator.Allocate1D<float>(Tokens * Inner);
        using var weight = accelerator.Allocate1D<BFloat16>(Outputs * Inner);
        using var output = accelerator.Allocate1D<float>(Tokens * Outputs);
        using var scratch = accelerator.Allocate1D<byte>(2 * Tokens * Inner);
        new MatMul(accelerator).Run(
            accelerator.DefaultStream, input.View, WeightView.Of(weight.View.BaseView), output.View, Tokens, Outputs, Inner, scratch.View);
        string log = Log();
        Assert.Multiple(() =>
        {
            Assert.That(log, Does.Match(@"WarpGroupMatMul_PairKernel\w* 132 1 1 / 384 1 1 / 196672:"), "a cluster for each two multiprocessors");
            Assert.That(log, Does.Match(
                " <type 9, 2048 x 8 at [0-9a-f]+, box 128 x 64, swizzle 3, promotion 3> <type 9, 4096 x 8 at [0-9a-f]+, box 128 x 64, swizzle 3, promotion 3> "));
        });
    });

    public static void AttentionOfWarpGroupsPassesTensorMaps() => WithAccelerator(accelerator =>
    {
        AttentionShape shape = new(33, 70, 8, 2, 128);
        using var queries = accelerator.Allocate1D<float>(shape.TokenCount * shape.QueryWidth);
        using var cache = accelerator.Allocate1D<BFloat16>(2 * 128 * shape.KeyValueWidth);
        using var angles = accelerator.Allocate1D<float>(128 * shape.HeadDim / 2);
        using var output = accelerator.Allocate1D<float>(shape.TokenCount * shape.QueryWidth);
        WeightView keys = WeightView.Of(cache.View.BaseView);
        WeightView values = WeightView.Of(cache.View.BaseView.SubView(128 * shape.KeyValueWidth));
        new Attention(accelerator).Run(
            accelerator.DefaultStream, new(queries.View, keys, values, angles.View, angles.View, output.View, shape, 1f), ArrayView<float>.Empty);
        string log = Log();
        const string Map = "<type 9, 103 x 256 at [0-9a-f]+, box 128 x 64, swizzle 3, promotion 3>";
        Assert.Multiple(() =>
        {
            Assert.That(log, Does.Match(@"WarpGroupAttention_Kernel\w*WideWarpGroupHead 2 2 1 / 384 1 1 / 164976:"), "two heads of keys, two blocks of rows");
            Assert.That(log, Does.Match($" {Map} {Map} "));
        });
    });

    public static void BuffersCopyAndGiveBack() => WithAccelerator(accelerator =>
    {
        int[] data = [1, 2, 3, 4, 5];
        using (var first = accelerator.Allocate1D(data))
        using (var second = accelerator.Allocate1D<int>(5))
        using (accelerator.Allocate1D<int>(0))
        {
            first.View.BaseView.CopyTo(second.View.BaseView);
            second.View.BaseView.SubView(1, 2).MemSetToZero();
            Assert.That(second.GetAsArray1D(), Is.EqualTo(new[] { 1, 0, 0, 4, 5 }));
            Assert.That(accelerator.AllocatedBytes, Is.EqualTo(40));
        }

        Assert.That(accelerator.AllocatedBytes, Is.Zero);
        Assert.That(() => accelerator.Allocate1D<byte>(1L << 40), Throws.TypeOf<CudaException>().With.Property(nameof(CudaException.Error)).EqualTo(CudaError.OutOfMemory));
    });

    public static void PinnedMemoryCopiesOnStreamsThatWaitForEvents() => WithAccelerator(accelerator =>
    {
        using var copies = (CudaStream)accelerator.CreateStream();
        using var work = (CudaStream)accelerator.CreateStream();
        using CudaPinnedMemory pinned = accelerator.AllocatePinned(16);
        using CudaEvent copied = accelerator.CreateEvent(timing: true);
        using var buffer = accelerator.Allocate1D<byte>(8);
        pinned.Span(0, 8).Fill(7);
        Assert.That(copied.IsDone, Is.False);
        pinned.CopyTo(copies, buffer.View.BaseView);
        copied.Record(copies);
        work.WaitFor(copied);
        pinned.CopyFrom(work, buffer.View.BaseView, 8);
        work.Synchronize();
        copied.Synchronize();
        Assert.Multiple(() =>
        {
            Assert.That(copied.IsDone);
            Assert.That(copied.Since(copied), Is.EqualTo(TimeSpan.FromMilliseconds(1.5)));
            Assert.That(pinned.Span(8, 8).ToArray(), Is.All.EqualTo(7));
            Assert.That(Log(), Is.EqualTo("wait\n"));
            Assert.That(() => pinned.CopyTo(copies, buffer.View.BaseView, 9), Throws.TypeOf<ArgumentOutOfRangeException>());
        });
    });

    public static void LaunchPassesEveryArgument() => WithAccelerator(accelerator =>
    {
        var launch = accelerator.LoadKernel<ArrayView<float>, Numbers, float, long>(Kernel);
        using var buffer = accelerator.Allocate1D<float>(4);
        launch(accelerator.DefaultStream, new KernelConfig(2, 3, 4, 32, 2, 1), buffer.View, new Numbers(-2, 200, 1.0), 2f, -1);
        string address = buffer.Buffer.NativePtr.ToString("x", System.Globalization.CultureInfo.InvariantCulture);
        Assert.That(Log(), Does.EndWith($" 2 3 4 / 32 2 1 / 0: {address} 4 fffffffe c8 3ff0000000000000 40000000 ffffffffffffffff\n"));
    });

    public static void KernelsComeFromTheCacheInTheNextRun()
    {
        using var folder = new TemporaryFolder();
        (string, int, int) Run()
        {
            (string, int, int) result = default;
            WithAccelerator(accelerator =>
            {
                accelerator.Cache = new KernelCache(folder.Path);
                int before = KernelFrontend.CompilationsOfThisThread;
                var launch = accelerator.LoadKernel<ArrayView<float>, Numbers, float, long>(Kernel);
                int loading = KernelFrontend.CompilationsOfThisThread - before;
                using var buffer = accelerator.Allocate1D<float>(4);
                launch(accelerator.DefaultStream, new KernelConfig(1, 32), buffer.View, new Numbers(-2, 200, 1.0), 2f, -1);
                string address = buffer.Buffer.NativePtr.ToString("x", System.Globalization.CultureInfo.InvariantCulture);
                result = (Log().Replace(address, "address", StringComparison.Ordinal), loading, KernelFrontend.CompilationsOfThisThread - before);
            });
            return result;
        }

        (string log, int loading, int all) = Run();
        Assert.That((loading, all), Is.EqualTo((1, 2)));
        Assert.That(log, Does.EndWith(" 1 1 1 / 32 1 1 / 0: address 4 fffffffe c8 3ff0000000000000 40000000 ffffffffffffffff\n"));
        Assert.That(Run(), Is.EqualTo((log, 0, 0)));
    }

    public static void SpecializedValuesHaveTheirOwnCode() => WithAccelerator(accelerator =>
    {
        var launch = accelerator.LoadKernel<ArrayView<float>, SpecializedValue<int>>(AddsValue);
        using var buffer = accelerator.Allocate1D<float>(4);
        foreach ((int value, int compiled) in new[] { (5, 1), (5, 1), (7, 2), (5, 2) })
        {
            launch(accelerator.DefaultStream, new KernelConfig(1, 32), buffer.View, SpecializedValue.New(value));
            Assert.That(accelerator.KernelLoading.Compiled, Is.EqualTo(compiled));
            Assert.That(Log(), Does.EndWith($" 4 {value}\n"), "the argument is passed all the same");
        }
    });

    public static void LargeSharedMemoryIsAskedForOnce() => WithAccelerator(accelerator =>
    {
        CudaKernel kernel = accelerator.Build("test", new IrSketch("Plain").Return());
        foreach (int bytes in new[] { 1024, 100_000, 60_000 })
        {
            kernel.Launch(accelerator.DefaultStream, new KernelConfig(1, 32, SharedMemoryConfig.RequestDynamic<byte>(bytes)), new LaunchArguments(0));
        }

        Assert.That(Log(), Is.EqualTo("Plain 1 1 1 / 32 1 1 / 1024:\nshared 100000\nPlain 1 1 1 / 32 1 1 / 100000:\nPlain 1 1 1 / 32 1 1 / 60000:\n"));
        Assert.That(
            () => kernel.Launch(accelerator.DefaultStream, new KernelConfig(1, 32, SharedMemoryConfig.RequestDynamic<byte>(300_000)), new LaunchArguments(0)),
            Throws.TypeOf<InvalidKernelOperationException>().With.Message.Contains("232448 bytes"));
    });

    public static void GraphReplaysWhatWasCaptured() => WithAccelerator(accelerator =>
    {
        var launch = accelerator.LoadKernel<ArrayView<float>, Numbers, float, long>(Kernel);
        using var stream = (CudaStream)accelerator.CreateStream();
        using var buffer = accelerator.Allocate1D<float>(4);
        void Queue() => launch(stream, new KernelConfig(1, 32), buffer.View, default, 0f, 0);
        Queue();
        string launched = Log();
        using CudaGraph graph = stream.Capture(() =>
        {
            Queue();
            Queue();
        });
        Assert.That(Log(), Is.EqualTo($"node 1 after 0: {launched}node 2 after 1: {launched}"));
        graph.Launch(stream);
        graph.Launch(stream);
        Assert.That(Log(), Is.EqualTo("graph of 2\ngraph of 2\n"));
        Assert.That(() => stream.Capture(() => throw new InvalidOperationException("mine")), Throws.InvalidOperationException.With.Message.EqualTo("mine"));
        stream.Synchronize();
    });

    public static void RefusedPtxIsAnExceptionWithTheLog() => WithAccelerator(accelerator =>
        Assert.That(
            () => accelerator.Build("Type.Method", new IrSketch("refused_by_the_fake").Return()),
            Throws.TypeOf<CudaException>().With.Message.Contains("CUDA_ERROR_INVALID_PTX").And.Message.Contains("ptxas fake, line 1: not today")
                .And.Message.Contains("kernel Type.Method")));

    public static void ForeignContextStaysItsOwners()
    {
        nint foreign = Call<nint>("fake_foreign");
        int retained = Call<int>("fake_retained");
        using Context context = Context.Create(builder => builder.Cuda());
        using (CudaAccelerator accelerator = context.CreateCudaAcceleratorOn(foreign))
        {
            Assert.That(accelerator.NativePtr, Is.EqualTo(foreign));
            accelerator.Synchronize();
        }

        Assert.That(Call<int>("fake_retained"), Is.EqualTo(retained));
        Assert.That(Call<int>("fake_depth"), Is.Zero);
    }

    private static void Kernel(ArrayView<float> data, Numbers numbers, float factor, long offset)
    {
        data[Group.IdxX] = (numbers.Count * factor) + numbers.Small + (float)numbers.Real + offset;
    }

    private static void AddsValue(ArrayView<float> data, SpecializedValue<int> value) => data[Group.IdxX] += value;

    // with nothing left behind afterwards: no object, no context on the thread's stack, no hold on the primary context
    internal static void WithAccelerator(Action<CudaAccelerator> test)
    {
        int live = Call<int>("fake_live");
        int retained = Call<int>("fake_retained");
        using (Context context = Context.Create(builder => builder.Cuda()))
        {
            Log();
            test(context.CreateCudaAccelerator(0));
        }

        Assert.Multiple(() =>
        {
            Assert.That(Call<int>("fake_live"), Is.EqualTo(live), "objects of the driver");
            Assert.That(Call<int>("fake_depth"), Is.Zero, "contexts on the stack");
            Assert.That(Call<int>("fake_retained"), Is.EqualTo(retained), "primary contexts");
        });
    }

    // what the driver has noted since it was last asked
    internal static string Log()
    {
        string text = Marshal.PtrToStringUTF8(Call<nint>("fake_log"))!;
        ((delegate* unmanaged<void>)NativeLibrary.GetExport(_library, "fake_clear"))();
        return text;
    }

    internal static T Call<T>(string function)
        where T : unmanaged => ((delegate* unmanaged<T>)NativeLibrary.GetExport(_library, function))();

    internal static void Set(string function, int value) =>
        ((delegate* unmanaged<int, void>)NativeLibrary.GetExport(_library, function))(value);
}
