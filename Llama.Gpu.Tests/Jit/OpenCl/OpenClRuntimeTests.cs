using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Backends.OpenCl;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>Memory, streams, limits and errors of the OpenCL accelerator.</summary>
public sealed class OpenClRuntimeTests
{
    [Test]
    public void Copies_reach_the_part_of_the_buffer_that_the_view_shows()
    {
        using var first = TestAccelerators.OpenCl.Allocate1D(Enumerable.Range(0, 100).ToArray());
        using var second = TestAccelerators.OpenCl.Allocate1D(new int[100]);
        ArrayView<int> source = first.View;
        ArrayView<int> target = second.View;
        source.SubView(10, 20).CopyTo(target.SubView(50, 20));
        target.SubView(0, 5).MemSet(0xFF);
        target.SubView(98).CopyFromCPU([7, 8]);
        int[] expected = new int[100];
        Enumerable.Range(10, 20).ToArray().CopyTo(expected, 50);
        Array.Fill(expected, -1, 0, 5);
        (expected[98], expected[99]) = (7, 8);
        Assert.That(second.GetAsArray1D(), Is.EqualTo(expected));
    }

    [Test]
    public void Copy_between_parts_that_overlap_takes_the_old_values()
    {
        using var data = TestAccelerators.OpenCl.Allocate1D(Enumerable.Range(0, 10).ToArray());
        ArrayView<int> view = data.View;
        view.SubView(0, 6).CopyTo(view.SubView(2, 6));
        Assert.That(data.GetAsArray1D(), Is.EqualTo(new[] { 0, 1, 0, 1, 2, 3, 4, 5, 8, 9 }));
    }

    [Test]
    public void Device_is_waited_for_while_streams_come_and_go()
    {
        CLAccelerator accelerator = TestAccelerators.OpenCl;
        Task streams = Task.Factory.StartNew(
            () =>
            {
                for (int i = 0; i < 5000; i++)
                {
                    accelerator.CreateStream().Dispose();
                }
            },
            TaskCreationOptions.LongRunning);
        while (!streams.IsCompleted)
        {
            accelerator.Synchronize();
        }

        Assert.That(streams.IsCompletedSuccessfully);
    }

    [Test]
    [NonParallelizable]
    public void Memory_is_accounted_until_it_is_disposed()
    {
        CLAccelerator accelerator = TestAccelerators.OpenCl;
        long before = accelerator.AllocatedBytes;
        var buffer = accelerator.Allocate1D<double>(1000);
        Assert.That(accelerator.AllocatedBytes - before, Is.EqualTo(8000));
        buffer.Dispose();
        Assert.That(accelerator.AllocatedBytes, Is.EqualTo(before));
    }

    [Test]
    public void Buffer_beyond_the_device_names_call_and_code()
    {
        var error = Assert.Throws<CLException>(() => TestAccelerators.OpenCl.Allocate1D<byte>(1L << 60));
        Assert.That(error!.Call, Is.EqualTo("clCreateBuffer"));
        Assert.That(error.Message, Does.Contain("clCreateBuffer gave").And.Contains($"{1L << 60} bytes"));
        Assert.That(error.Error, Is.Not.EqualTo(CLError.Success));
    }

    [Test]
    public void Program_that_the_driver_refuses_shows_its_log_and_text()
    {
        var code = new OpenClKernel("k", "__kernel void k(__global int* x) { x[0] = noSuchName; }\n", false, false, false, 0);
        var error = Assert.Throws<CLException>(() => new CLKernel(TestAccelerators.OpenCl, "Test.Broken", code, [], "-cl-std=CL1.2"));
        Assert.That(error!.Error, Is.EqualTo(CLError.BuildProgramFailure));
        Assert.That(error.Message, Does.Contain("Test.Broken").And.Contains("noSuchName"));
    }

    [Test]
    public void Launch_beyond_the_device_is_refused()
    {
        CLAccelerator accelerator = TestAccelerators.OpenCl;
        using var data = accelerator.Allocate1D(new float[4]);
        var launch = accelerator.LoadStreamKernel<ArrayView<float>>(CooperationTests.ReversesThroughDynamic);
        int elements = (accelerator.MaxSharedMemoryPerGroup / 4) + 1;
        Assert.Multiple(() =>
        {
            Assert.That(
                () => launch((1, accelerator.MaxNumThreadsPerGroup + 1), data.View),
                Throws.TypeOf<InvalidKernelOperationException>().With.Message.Contains("lanes"));
            Assert.That(
                () => launch(new KernelConfig(1, 1, SharedMemoryConfig.RequestDynamic<float>(elements)), data.View),
                Throws.TypeOf<InvalidKernelOperationException>().With.Message.Contains("shared memory"));
        });
    }

    [Test]
    public void Streams_run_their_work_in_order()
    {
        CLAccelerator accelerator = TestAccelerators.OpenCl;
        using AcceleratorStream stream = accelerator.CreateStream();
        using var data = accelerator.Allocate1D(new float[1]);
        accelerator.DefaultStream.Synchronize();
        var launch = accelerator.LoadKernel<ArrayView<float>>(Doubles);
        for (int i = 0; i < 20; i++)
        {
            launch(stream, (1, 1), data.View);
        }

        stream.Synchronize();
        Assert.That(data.GetAsArray1D(), Is.EqualTo(new[] { (1 << 20) - 1f }));
    }

    [Test]
    public void What_the_device_does_not_offer_is_said_before_anything_is_built()
    {
        var builder = new IrBuilder("Wide");
        IrValue pointer = builder.Pointer("data");
        builder.Add(Op.Atomic, IrType.I64, (long)AtomicOp.Add, pointer, builder.Constant(IrType.I64, 1));
        IrFunction atomics = builder.Return();
        builder = new IrBuilder("Doubles");
        pointer = builder.Pointer("data");
        builder.Store(pointer, builder.Constant(IrType.F64, 0));
        IrFunction doubles = builder.Return();
        OpenClCapabilities least = new() { Float64 = false, Int64Atomics = false };
        Assert.Multiple(() =>
        {
            Assert.That(
                () => OpenClEmitter.Emit(atomics, least),
                Throws.TypeOf<InvalidKernelOperationException>().With.Message.Contains("cl_khr_int64_base_atomics"));
            Assert.That(
                () => OpenClEmitter.Emit(doubles, least), Throws.TypeOf<InvalidKernelOperationException>().With.Message.Contains("cl_khr_fp64"));
        });
    }

    [Test]
    public void Driver_leaves_division_by_zero_to_the_host()
    {
        using var data = TestAccelerators.OpenCl.Allocate1D(new[] { 7, int.MinValue, 0, -1 });
        TestAccelerators.OpenCl.LoadStreamKernel<ArrayView<int>>(Divides)((1, 2), data.View);
        Assert.That(data.GetAsArray1D()[1], Is.EqualTo(int.MinValue), "a processor ends the program where nothing guards the division");
        Assert.That(() => 1 / data.GetAsArray1D()[2], Throws.TypeOf<DivideByZeroException>());
    }

    [Test]
    public void Loop_is_written_as_a_loop()
    {
        IrFunction sum = IrText.Parse("""
            kernel Sum(data: ptr.global, count: i32)
            b0():
                %0: ptr.global = parameter 0
                %1: i32 = parameter 1
                %2: i32 = constant 0
                %3: i32 = constant 1
                goto b1(%2, %2)
            b1(%4: i32, %5: i32):
                %6: i1 = lt %4, %1
                if %6 goto b2() else b3()
            b2():
                %7: i32 = add %5, %4
                %8: i32 = add %4, %3
                goto b1(%8, %7)
            b3():
                store align 4 %0, %5
                return

            """);
        Assert.That(OpenClEmitter.Emit(sum, OpenClCapabilities.Full).Text, Is.EqualTo("""
            #pragma OPENCL FP_CONTRACT OFF
            typedef uint m_uint __attribute__((may_alias));

            __kernel void k_Sum(__global uchar* base0, long offset0, uint p1)
            {
                __global uchar* const p0 = base0 + offset0;
                uint v4;
                uint v5;
                v4 = 0u;
                v5 = 0u;
                for (;;)
                {
                    bool v6 = (int)v4 < (int)p1;
                    if (!v6)
                    {
                        break;
                    }
                    uint v7 = (uint)(v5 + v4);
                    uint v8 = (uint)(v4 + 1u);
                    v4 = v8;
                    v5 = v7;
                }
                *(__global m_uint*)(p0) = v5;
            }

            """.ReplaceLineEndings("\n")));
    }

    private static void Divides(ArrayView<int> data) => data[Group.IdxX] = data[Group.IdxX] / data[Group.IdxX + 2];

    private static void Doubles(ArrayView<float> data) => data[0] = (data[0] * 2) + 1;
}
