using ILGPU.Algorithms;
using ILGPU.Runtime.CPU;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Ilgpu;

/// <summary>
/// Every operation of the shared set against its double-precision specification on ILGPU's CPU accelerator, in the build
/// <c>-p:KernelRuntime=ILGPU</c>. A lane is a thread of the system there, so the shapes are few.
/// </summary>
public sealed class IlgpuKernelTests
{
    private Context _context = null!;
    private Accelerator _accelerator = null!;
    private KernelSet _kernels = null!;

    private static IEnumerable<TestCaseData> Cases() =>
        OpCaseLists.Borders().Select(opCase => new TestCaseData(opCase).SetArgDisplayNames(opCase.ToString()));

    [OneTimeSetUp]
    public void Create()
    {
        _context = Context.Create(builder => builder.CPU(new CPUDevice(4, 2, 1)).EnableAlgorithms());
        _accelerator = _context.CreateCPUAccelerator(0);
        _kernels = new(_accelerator, LaunchShapes.For(_accelerator) with { Lanes = 8, ElementsPerLane = 64 });
    }

    [OneTimeTearDown]
    public void Dispose()
    {
        _accelerator?.Dispose();
        _context?.Dispose();
    }

    [TestCaseSource(nameof(Cases))]
    public void Operation_agrees_on_ILGPUs_CPU_accelerator(object opCase) =>
        Assert.That(((OpCase)opCase).Check(_accelerator, _kernels), Is.Null);
}
