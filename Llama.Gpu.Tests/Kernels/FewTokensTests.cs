using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>A matrix product of a few tokens: each gets the bits that it gets alone, so that who shares a batch does not matter to it.</summary>
public sealed class FewTokensTests
{
    [Test]
    public void Each_token_has_the_bits_of_a_matrix_vector_product(
        [Values("cpu", "sanitized", "simd", "opencl")] string device, [Values] TensorType type)
    {
        Accelerator accelerator = device switch
        {
            "cpu" => TestAccelerators.Sequential,
            "sanitized" => TestAccelerators.Sanitized,
            "simd" => SimdAccelerators.Of(256),
            _ => TestAccelerators.OpenCl,
        };
        var kernels = new KernelSet(accelerator);
        using var data = new OpData(accelerator, kernels);
        AcceleratorStream stream = accelerator.DefaultStream;
        foreach (var (tokens, outputs, inputs) in new[] { (1, 1, 1), (2, 5, 31), (3, 33, 64), (4, 8, 257), (5, 17, 40), (8, 70, 33) })
        {
            var input = data.Floats((long)tokens * inputs);
            var weight = data.Weights(type, (long)outputs * inputs);
            var together = data.Output((long)tokens * outputs);
            var alone = data.Output((long)tokens * outputs);
            kernels.MatMul.Run(stream, input.View, weight.View, together, ArrayView<float>.Empty, tokens, outputs, inputs);
            for (int token = 0; token < tokens; token++)
            {
                kernels.MatVec.Run(
                    stream,
                    input.View.SubView((long)token * inputs, inputs),
                    weight.View,
                    alone.SubView((long)token * outputs, outputs),
                    outputs,
                    inputs);
            }

            Assert.That(OpData.Read(together), Is.EqualTo(OpData.Read(alone)), $"T={tokens} N={outputs} K={inputs}");
        }
    }
}
