using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Reference;
using NUnit.Framework;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>Logits of every position against PyTorch's, however the tokens are fed, and each step against double precision.</summary>
public sealed class LogitsTests
{
    /// <summary>Largest absolute difference from PyTorch's float32, for logits of order 1 to 10 and f32 weights.</summary>
    private const double Tolerance = 2e-4;

    [Test]
    public void Prefill_agrees_with_PyTorch([ValueSource(typeof(LogitsFixture), nameof(LogitsFixture.Names))] string name, [Values(1, 7, 16, 64)] int chunk)
    {
        var fixture = LogitsFixture.Load(name);
        using Checkpoint checkpoint = fixture.Open();
        using var model = LlamaModel.Load(checkpoint, TestAccelerators.Sequential);
        using DecoderSession session = model.CreateSession(fixture.Tokens.Length, new() { ChunkLength = chunk });
        Assert.That(Difference(All(session, fixture.Tokens), fixture.Logits), Is.LessThanOrEqualTo(Tolerance));
    }

    [Test]
    public void Token_by_token_agrees_with_PyTorch([ValueSource(typeof(LogitsFixture), nameof(LogitsFixture.Names))] string name)
    {
        var fixture = LogitsFixture.Load(name);
        using Checkpoint checkpoint = fixture.Open();
        using var model = LlamaModel.Load(checkpoint, TestAccelerators.Sequential);
        using DecoderSession session = model.CreateSession(fixture.Tokens.Length);
        var logits = new List<float>();
        foreach (int token in fixture.Tokens)
        {
            logits.AddRange(session.Forward([token]));
        }

        Assert.That(Difference([.. logits], fixture.Logits), Is.LessThanOrEqualTo(Tolerance));
    }

    [Test]
    public void Warps_of_lanes_under_the_sanitizer_agree_with_PyTorch()
    {
        var fixture = LogitsFixture.Load("gqa-scaled-untied");
        using Checkpoint checkpoint = fixture.Open();
        using Accelerator accelerator = TestAccelerators.CreateSanitized(warpSize: 8, warps: 2);
        using var model = LlamaModel.Load(checkpoint, accelerator);
        using DecoderSession session = model.CreateSession(8, new() { ChunkLength = 3 });
        int[] tokens = fixture.Tokens[..4];
        Assert.That(
            Difference(All(session, tokens), fixture.Logits[..(4 * model.Config.VocabularySize)]), Is.LessThanOrEqualTo(Tolerance));
    }

    [Test]
    public void Every_step_agrees_with_the_reference([ValueSource(typeof(LogitsFixture), nameof(LogitsFixture.Names))] string name)
    {
        var fixture = LogitsFixture.Load(name);
        using Checkpoint checkpoint = fixture.Open();
        var reference = new ReferenceTransformer(checkpoint);
        reference.Forward(fixture.Tokens);

        using var model = LlamaModel.Load(checkpoint, TestAccelerators.Sequential);
        using DecoderSession session = model.CreateSession(fixture.Tokens.Length);
        var seen = new HashSet<(DecoderStep, int)>();
        session.Observer = (step, layer, values) =>
        {
            seen.Add((step, layer));
            double[] expected = reference.Steps[(step, layer)];
            float[] found = values.GetAsArray();
            Assert.That(found, Has.Length.EqualTo(expected.Length), $"{step} of layer {layer}");
            double scale = Math.Max(1, expected.Max(Math.Abs));
            double difference = found.Zip(expected, (f, e) => Math.Abs(f - e)).Max();
            Assert.That(difference / scale, Is.LessThan(1e-5), $"{step} of layer {layer}");
        };
        session.Forward(fixture.Tokens);
        Assert.That(seen, Is.EquivalentTo(reference.Steps.Keys));
    }

    [Test]
    public void Same_run_gives_the_same_bits()
    {
        var fixture = LogitsFixture.Load("gqa-scaled-untied");
        using Checkpoint checkpoint = fixture.Open();
        using var model = LlamaModel.Load(checkpoint, TestAccelerators.Sequential);
        using DecoderSession first = model.CreateSession(64);
        using DecoderSession second = model.CreateSession(64);
        float[] logits = first.Forward(fixture.Tokens).ToArray();
        Assert.That(second.Forward(fixture.Tokens).ToArray(), Is.EqualTo(logits));
    }

    [Test]
    public void Stored_halves_agree_with_the_reference_of_the_same_weights([Values(TensorType.Float16, TensorType.BFloat16)] TensorType type)
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Path, "model");
        var fixture = LogitsFixture.Load("gqa-scaled-untied");
        using (Checkpoint original = fixture.Open())
        {
            SyntheticCheckpoint.Write(path, original.Config, type, seed: 5);
        }

        using Checkpoint checkpoint = Checkpoint.Open(path);
        double[] expected = new ReferenceTransformer(checkpoint).Forward(fixture.Tokens);
        using var model = LlamaModel.Load(checkpoint, TestAccelerators.Sequential);
        using DecoderSession session = model.CreateSession(64, new() { CacheType = TensorType.Float32 });
        float[] found = All(session, fixture.Tokens);
        Assert.That(found.Zip(expected, (f, e) => Math.Abs(f - e)).Max(), Is.LessThan(2e-5 * Math.Max(1, expected.Max(Math.Abs))));
    }

    private static float[] All(DecoderSession session, int[] tokens)
    {
        var logits = new List<float>();
        session.ForwardAll(tokens, (position, values) =>
        {
            Assert.That(position, Is.EqualTo(logits.Count / session.VocabularySize));
            logits.AddRange(values);
        });
        return [.. logits];
    }

    private static double Difference(float[] found, float[] expected)
    {
        Assert.That(found, Has.Length.EqualTo(expected.Length));
        return found.Zip(expected, (f, e) => (double)MathF.Abs(f - e)).Max();
    }
}
