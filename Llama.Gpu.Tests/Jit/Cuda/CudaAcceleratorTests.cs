using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Cuda;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Cuda;

/// <summary>The CUDA accelerator against a driver without a device, and a machine without the driver.</summary>
[NonParallelizable]
public sealed class CudaAcceleratorTests
{
    private static IEnumerable<TestCaseData> Scenarios =>
        from type in (Type[])[typeof(FakeDriverScenarios), typeof(TokenGraphScenarios)]
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        where method.GetParameters().Length == 0
        select new TestCaseData(type.FullName, method.Name).SetArgDisplayNames(method.Name);

    [TestCaseSource(nameof(Scenarios))]
    public void With_a_driver_that_has_no_device(string type, string scenario) => FakeDriver.Run(type, scenario);

    [Test]
    public void Machine_without_the_driver_has_no_device_and_says_why()
    {
        if (!CudaDevice.Find(out string? problem).IsEmpty)
        {
            Assert.Ignore("this machine has a CUDA device");
        }

        using Context context = Context.Create(builder => builder.Cuda());
        Assert.Multiple(() =>
        {
            Assert.That(problem, Is.Not.Null.And.Not.Empty);
            Assert.That(context.Devices, Is.Empty);
            Assert.That(() => context.CreateCudaAccelerator(0), Throws.TypeOf<ArgumentOutOfRangeException>());
        });
    }

    [TestCase(1, 1, 1, 1025, 0, "1024 lanes")]
    [TestCase(1, 70000, 1, 32, 0, "groups")]
    [TestCase(1, 1, 1, 32, 60000, "bytes of shared memory")]
    public void Launch_beyond_a_limit_is_refused_with_the_limit(int x, int y, int z, int lanes, int sharedBytes, string message)
    {
        var config = new KernelConfig(new Index3D(x, y, z), new Index3D(lanes, 1, 1), SharedMemoryConfig.RequestDynamic<byte>(sharedBytes));
        Assert.That(
            () => CudaLimits.Check("K", "device", config, new(int.MaxValue, 65535, 65535), new(1024, 1024, 64), 1024, 16, 60000),
            Throws.TypeOf<InvalidKernelOperationException>().With.Message.Contains(message));
    }
}
