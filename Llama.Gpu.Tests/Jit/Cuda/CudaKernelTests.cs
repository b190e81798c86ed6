using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Agreement;
using Llama.Gpu.Tests.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Cuda;

/// <summary>Every operation and language feature on a CUDA device; ignored where there is none.</summary>
public sealed class CudaKernelTests
{
    private static readonly Lazy<LaunchShapes> Shapes = new(() => LaunchShapes.For(TestAccelerators.Cuda));
    private static readonly Lazy<KernelSet> Kernels = new(() => new(TestAccelerators.Cuda, Shapes.Value));
    private static readonly Lazy<KernelSet> WithoutTensorCores = new(() => new(TestAccelerators.Cuda, Shapes.Value with { TensorCores = false }));

    private static IEnumerable<string> Operations => OpCaseLists.Full().Select(opCase => opCase.Operation).Distinct();

    [TestCaseSource(nameof(Operations))]
    public void Operation_agrees(string operation)
    {
        CudaAccelerator accelerator = TestAccelerators.Cuda;
        Assert.That(Problems(operation, opCase => opCase.Check(accelerator, Kernels.Value, Shapes.Value.TensorCores)), Is.Empty);
    }

    [Test]
    public void Product_without_tensor_cores_agrees()
    {
        CudaAccelerator accelerator = TestAccelerators.Cuda;
        Assert.That(Problems(nameof(MatMul), opCase => opCase.Check(accelerator, WithoutTensorCores.Value)), Is.Empty);
    }

    [TestCase(TensorType.Float16)]
    [TestCase(TensorType.BFloat16)]
    public void Product_on_tensor_cores_is_as_near_as_it_states(TensorType type)
    {
        foreach ((int tokens, int outputs, int inner) in
            from tokens in (int[])[1, 64, 65, 200] from outputs in (int[])[1, 129, 256] from inner in (int[])[8, 97, 104, 1000] select (tokens, outputs, inner))
        {
            RoundedMatMul.Check(TestAccelerators.Cuda, new TensorCoreMatMul(TestAccelerators.Cuda).Run, type, tokens, outputs, inner);
        }
    }

    [TestCaseSource(typeof(FeatureAgreementTests), nameof(FeatureAgreementTests.Kernels))]
    public void Feature_agrees(string name) => Assert.That(FeatureAgreementTests.Differences(TestAccelerators.Cuda, name), Is.Empty);

    // all that differ: a device is not at hand twice
    private static string[] Problems(string operation, Func<OpCase, string?> check) =>
        [.. OpCaseLists.Full().Where(opCase => opCase.Operation == operation).Select(check).OfType<string>()];
}
