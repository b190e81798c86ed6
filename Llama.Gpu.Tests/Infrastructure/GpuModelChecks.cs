using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.EndToEnd;

namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>A whole model on an accelerator whose drivers are another's: what is asked of each of them.</summary>
internal static class GpuModelChecks
{
    /// <summary>Largest absolute difference of logits from PyTorch's float32, as on the other accelerators.</summary>
    public const double Tolerance = 2e-4;

    /// <summary>Checkpoints with logits of PyTorch that differ most in their structure.</summary>
    public static string[] Names => ["gqa-scaled-untied", "mqa-biased-linear"];

    /// <summary>The largest absolute difference of the logits of a checkpoint, in chunks of 7 tokens.</summary>
    public static double DifferenceFromPyTorch(string name, Accelerator accelerator)
    {
        var fixture = LogitsFixture.Load(name);
        using Checkpoint checkpoint = fixture.Open();
        using var model = LlamaModel.Load(checkpoint, accelerator);
        using DecoderSession session = model.CreateSession(fixture.Tokens.Length, new() { ChunkLength = 7 });
        var logits = new List<float>();
        session.ForwardAll(fixture.Tokens, (_, values) => logits.AddRange(values));
        return logits.Count == fixture.Logits.Length ? logits.Zip(fixture.Logits, (f, e) => MathF.Abs(f - e)).Max() : double.PositiveInfinity;
    }

    /// <summary>The first ids of the tiny model's greedy text.</summary>
    public static int[] GreedyIds(Accelerator accelerator)
    {
        using Checkpoint checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
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
