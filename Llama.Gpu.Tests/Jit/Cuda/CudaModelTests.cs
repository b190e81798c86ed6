using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Cuda;

/// <summary>A whole model on a CUDA device; ignored where there is none. The weights of the first are f32, those of the second bf16.</summary>
public sealed class CudaModelTests
{
    [Test]
    public void Logits_agree_with_PyTorch([ValueSource(typeof(GpuModelChecks), nameof(GpuModelChecks.Names))] string name) =>
        Assert.That(GpuModelChecks.DifferenceFromPyTorch(name, TestAccelerators.Cuda), Is.LessThanOrEqualTo(GpuModelChecks.Tolerance));

    // the prompt's products round to bf16 where they are those of tensor cores: the text may part from the cpu's where two ids are near
    [Test]
    public void Greedy_text_of_the_tiny_model_begins_as_on_the_cpu() => Assert.That(
        GpuModelChecks.GreedyIds(TestAccelerators.Cuda)[..8], Is.EqualTo(GpuModelChecks.GreedyIds(TestAccelerators.Sequential)[..8]));
}
