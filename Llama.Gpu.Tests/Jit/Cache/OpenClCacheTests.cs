using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Cache;

/// <summary>Kernels that an OpenCL accelerator takes from the cache.</summary>
public sealed class OpenClCacheTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Create() => _folder = new();

    [TearDown]
    public void Dispose() => _folder.Dispose();

    [Test]
    public void Second_run_compiles_nothing_and_gives_the_same()
    {
        (float[] first, int compiled) = Run();
        (float[] second, int compiledAgain) = Run();
        Assert.That(first, Is.EqualTo(Enumerable.Range(0, 64).Select(i => (i / 16 * 16) + 15 - (i % 16) + 0.5f)));
        Assert.That(second, Is.EqualTo(first));
        Assert.That((compiled, compiledAgain), Is.EqualTo((1, 0)));
    }

    [Test]
    public void File_that_is_cut_is_compiled_anew_and_replaced()
    {
        (float[] first, _) = Run();
        string path = Directory.GetFiles(_folder.Path).Single();
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, whole[..(whole.Length / 2)]);
        Assert.That(Run(), Is.EqualTo((first, 1)));
        Assert.That(Run(), Is.EqualTo((first, 0)));
    }

    [Test]
    public void Binary_that_the_driver_refuses_is_compiled_anew_and_replaced()
    {
        (float[] first, _) = Run();
        string path = Directory.GetFiles(_folder.Path).Single();
        var key = new KernelKey(Path.GetFileNameWithoutExtension(path));
        var cache = new KernelCache(_folder.Path);
        (var code, _) = CLCacheContents.Decode(cache.Find(key)!);
        cache.Store(key, CLCacheContents.Encode(code, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
        Assert.That(Run(), Is.EqualTo((first, 1)));
        Assert.That(Run(), Is.EqualTo((first, 0)));
    }

    [Test]
    public void Kernel_with_an_error_is_refused_each_time()
    {
        for (int i = 0; i < 2; i++)
        {
            using Context context = Context.Create(builder => builder.OpenCL(device => device.Handle == TestAccelerators.OpenCl.Device.Handle));
            var accelerator = new CLAccelerator(context, context.GetCLDevice(0)) { Cache = new(_folder.Path) };
            Assert.That(() => accelerator.LoadStreamKernel<ArrayView<float>>(Throws), NUnit.Framework.Throws.TypeOf<KernelCompilationException>());
        }

        Assert.That(Directory.GetFiles(_folder.Path), Is.Empty);
    }

    private static void Kernel(ArrayView<float> data, float offset)
    {
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int lane = Group.IdxX;
        int start = Grid.IdxX * Group.DimX;
        shared[lane] = data[start + lane];
        Group.Barrier();
        data[start + lane] = shared[Group.DimX - 1 - lane] + offset;
    }

    private static void Throws(ArrayView<float> data) => throw new InvalidOperationException();

    // as another process would, with an accelerator and a cache of its own; and how many kernels were compiled for it
    private (float[] Result, int Compiled) Run()
    {
        using Context context = Context.Create(builder => builder.OpenCL(device => device.Handle == TestAccelerators.OpenCl.Device.Handle));
        var accelerator = new CLAccelerator(context, context.GetCLDevice(0)) { Cache = new(_folder.Path) };
        int before = KernelFrontend.CompilationsOfThisThread;
        var launch = accelerator.LoadStreamKernel<ArrayView<float>, float>(Kernel);
        int compiled = KernelFrontend.CompilationsOfThisThread - before;
        using var data = accelerator.Allocate1D(Enumerable.Range(0, 64).Select(i => (float)i).ToArray());
        launch(new KernelConfig(4, 16, SharedMemoryConfig.RequestDynamic<float>(16)), data.View, 0.5f);
        return (data.GetAsArray1D(), compiled);
    }
}
