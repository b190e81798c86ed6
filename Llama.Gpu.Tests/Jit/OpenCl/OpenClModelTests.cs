using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.EndToEnd;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>A whole model on OpenCL.</summary>
public sealed class OpenClModelTests
{
    /// <summary>Largest absolute difference from PyTorch's float32, as on the other accelerators.</summary>
    private const double Tolerance = 2e-4;

    [Test]
    public void Logits_agree_with_PyTorch([Values("gqa-scaled-untied", "mqa-biased-linear")] string name)
    {
        var fixture = LogitsFixture.Load(name);
        using Checkpoint checkpoint = fixture.Open();
        using var model = LlamaModel.Load(checkpoint, TestAccelerators.OpenCl);
        using DecoderSession session = model.CreateSession(fixture.Tokens.Length, new() { ChunkLength = 7 });
        var logits = new List<float>();
        session.ForwardAll(fixture.Tokens, (_, values) => logits.AddRange(values));
        Assert.That(logits, Has.Count.EqualTo(fixture.Logits.Length));
        Assert.That(logits.Zip(fixture.Logits, (f, e) => MathF.Abs(f - e)).Max(), Is.LessThanOrEqualTo(Tolerance));
    }

    [Test]
    public void Greedy_text_of_the_tiny_model_is_that_of_the_cpu()
    {
        using Checkpoint checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        int[] expected = Greedy(checkpoint, TestAccelerators.Sequential);
        int[] found = Greedy(checkpoint, TestAccelerators.OpenCl);
        Assert.That(found, Is.EqualTo(expected));
    }

    private static int[] Greedy(Checkpoint checkpoint, Llama.Gpu.Jit.Runtime.Accelerator accelerator)
    {
        using var model = LlamaModel.Load(checkpoint, accelerator);
        using DecoderSession session = model.CreateSession(64);
        int[] step = [1016, 682, 449, 257, 381];
        var ids = new List<int>();
        while (ids.Count < 32)
        {
            float[] logits = session.Forward(step).ToArray();
            int best = Array.IndexOf(logits, logits.Max());
            ids.Add(best);
            step = [best];
        }

        return [.. ids];
    }
}
