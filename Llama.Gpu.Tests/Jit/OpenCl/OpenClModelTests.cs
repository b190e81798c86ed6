using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>A whole model on OpenCL.</summary>
public sealed class OpenClModelTests
{
    [Test]
    public void Logits_agree_with_PyTorch([ValueSource(typeof(GpuModelChecks), nameof(GpuModelChecks.Names))] string name) =>
        Assert.That(GpuModelChecks.DifferenceFromPyTorch(name, TestAccelerators.OpenCl), Is.LessThanOrEqualTo(GpuModelChecks.Tolerance));

    [Test]
    public void Greedy_text_of_the_tiny_model_is_that_of_the_cpu() =>
        Assert.That(GpuModelChecks.GreedyIds(TestAccelerators.OpenCl), Is.EqualTo(GpuModelChecks.GreedyIds(TestAccelerators.Sequential)));
}
