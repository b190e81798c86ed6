using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>Every operation on OpenCL against its double-precision specification.</summary>
public sealed class OpenClKernelTests
{
    private static readonly Lazy<KernelSet> Kernels = new(() => new(TestAccelerators.OpenCl));

    private static IEnumerable<TestCaseData> Borders() =>
        OpCaseLists.Borders().Select(opCase => new TestCaseData(opCase).SetArgDisplayNames(opCase.ToString()));

    [TestCaseSource(nameof(Borders))]
    public void Operation_agrees(object opCase)
    {
        CLAccelerator accelerator = TestAccelerators.OpenCl;
        Assert.That(((OpCase)opCase).Check(accelerator, Kernels.Value), Is.Null);
    }
}
