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

    [TestCase(TensorType.Float16)]
    [TestCase(TensorType.BFloat16)]
    public void Attention_on_tensor_cores_is_as_near_as_it_states(TensorType type)
    {
        CudaAccelerator accelerator = TestAccelerators.Cuda;
        RoundedAttention.Run[] operations = LaunchShapes.For(accelerator).WarpGroups
            ? [new WarpGroupAttention(accelerator).Run, new TensorCoreAttention(accelerator).Run]
            : [new TensorCoreAttention(accelerator).Run];
        foreach ((RoundedAttention.Run run, int headDim) in from run in operations from headDim in (int[])[64, 128] select (run, headDim))
        {
            foreach ((int tokens, int position, int heads) in ((int, int, int)[])[(1, 0, 2), (33, 0, 2), (47, 127, 6), (129, 700, 2), (300, 13, 8)])
            {
                RoundedAttention.Check(accelerator, run, type, new(tokens, position, heads, 2, headDim));
            }

            RoundedAttention.CheckHugeScores(accelerator, run, type, new(40, 230, 2, 2, headDim));
            RoundedAttention.CheckUnseen(accelerator, run, type, new(33, 120, 2, 1, headDim), 20, double.NaN, inKeys: true, inValues: true);
            RoundedAttention.CheckUnseen(accelerator, run, type, new(33, 120, 2, 1, headDim), 20, double.PositiveInfinity, inKeys: false, inValues: true);
        }
    }

    [TestCaseSource(typeof(FeatureAgreementTests), nameof(FeatureAgreementTests.Kernels))]
    public void Feature_agrees(string name) => Assert.That(FeatureAgreementTests.Differences(TestAccelerators.Cuda, name), Is.Empty);

    // all that differ: a device is not at hand twice
    private static string[] Problems(string operation, Func<OpCase, string?> check) =>
        [.. OpCaseLists.Full().Where(opCase => opCase.Operation == operation).Select(check).OfType<string>()];
}
