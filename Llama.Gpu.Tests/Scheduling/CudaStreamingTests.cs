using System.Reflection;
using Llama.Gpu.Tests.Jit.Cuda;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>Streaming to a CUDA device against a driver without one.</summary>
[NonParallelizable]
[CancelAfter(60_000)]
public sealed class CudaStreamingTests
{
    private static IEnumerable<string> Scenarios => typeof(CudaStreamingScenarios)
        .GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Select(method => method.Name);

    [TestCaseSource(nameof(Scenarios))]
    public void With_a_driver_that_has_no_device(string scenario) => FakeDriver.Run(typeof(CudaStreamingScenarios).FullName!, scenario);
}
