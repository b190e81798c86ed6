using System.Diagnostics;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Jit.Runtime.Simd;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>
/// How many kernels a model compiles when it starts: what the start-up time is made of, and does not vary with the machine's load.
/// </summary>
public sealed class KernelLoadingTests
{
    [Test]
    public void Second_start_takes_every_kernel_from_the_cache()
    {
        using var folder = new TemporaryFolder();
        KernelLoading first = StartOnOpenCl(new(folder.Path));
        KernelLoading second = StartOnOpenCl(new(folder.Path));
        Assert.That(first.Compiled, Is.GreaterThan(5));
        Assert.That(first.FromCache, Is.Zero);
        Assert.That((second.Compiled, second.FromCache), Is.EqualTo((0, first.Compiled)));
    }

    [Test]
    public void Further_tokens_compile_nothing()
    {
        using Context context = Context.Create(builder => builder.Simd());
        Accelerator accelerator = context.CreateSimdAccelerator(0);
        using var checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        using var model = LlamaModel.Load(checkpoint, accelerator);
        using DecoderSession session = model.CreateSession(32);
        session.Forward([1, 2, 3]);
        session.Forward([4]);
        KernelLoading started = accelerator.KernelLoading;
        session.Forward([5]);
        using DecoderSession another = model.CreateSession(32);
        another.Forward([6, 7]);
        another.Forward([8]);
        Assert.That(started.Compiled, Is.GreaterThan(8));
        Assert.That(accelerator.KernelLoading, Is.EqualTo(started));
    }

    [Test]
    public void Work_within_measured_work_is_counted_once()
    {
        var meter = new KernelLoadMeter();
        var pause = TimeSpan.FromMilliseconds(40);
        long began = Stopwatch.GetTimestamp();
        int result = meter.Measure(() => meter.Measure(() =>
        {
            Thread.Sleep(pause);
            return 1;
        }) + 1);
        TimeSpan all = Stopwatch.GetElapsedTime(began);
        TimeSpan once = meter.Sum.Time;
        Assert.That(result, Is.EqualTo(2));
        Assert.That(once, Is.InRange(pause, all));
        Assert.That(() => meter.Measure<int>(() => throw new InvalidOperationException()), Throws.InvalidOperationException);
        meter.Measure(() =>
        {
            Thread.Sleep(pause);
            return 0;
        });
        Assert.That(meter.Sum.Time, Is.GreaterThanOrEqualTo(once + pause), "work after a failure is counted again");
    }

    // as another process would, with an accelerator and a cache of its own
    private static KernelLoading StartOnOpenCl(KernelCache cache)
    {
        using Context context = Context.Create(builder => builder.OpenCL(device => device.Handle == TestAccelerators.OpenCl.Device.Handle));
        var accelerator = new CLAccelerator(context, context.GetCLDevice(0)) { Cache = cache };
        using var checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        using var model = LlamaModel.Load(checkpoint, accelerator);
        using DecoderSession session = model.CreateSession(8);
        session.Forward([1]);
        return accelerator.KernelLoading;
    }
}
