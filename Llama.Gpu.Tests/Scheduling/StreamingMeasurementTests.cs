using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Measurement;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>Streaming without computing, and what is measured with it.</summary>
[TestFixture("simd")]
[TestFixture("opencl")]
[CancelAfter(60_000)]
public sealed class StreamingMeasurementTests(string device)
{
    private const int Context = 24;
    private const int Seed = 6;
    private static readonly int[] Prompt = [1, 2, 3, 4, 5];

    private RandomModel _random = null!;
    private Checkpoint _checkpoint = null!;

    private Accelerator Accelerator => device == "simd" ? SimdAccelerators.Of(512) : TestAccelerators.OpenCl;

    [SetUp]
    public void Create()
    {
        _random = new RandomModel(Seed);
        _checkpoint = _random.Open();
    }

    [TearDown]
    public void Dispose()
    {
        _checkpoint.Dispose();
        _random.Dispose();
    }

    [Test]
    public void Streaming_alone_brings_what_a_token_needs_and_changes_no_result()
    {
        using var resident = LlamaModel.Load(_checkpoint, Accelerator);
        using DecoderSession whole = Session(resident);
        float[] expected = whole.Forward(Prompt).ToArray();
        Assert.That(resident.StreamOnly(), Is.Zero);

        using LlamaModel model = Streamed();
        using DecoderSession session = Session(model);
        long streamed = model.Plan.Steps.Sum(step => step.Streamed.Sum(piece => piece.Bytes));
        Assert.That(model.StreamOnly(), Is.EqualTo(streamed));
        Assert.That(session.Forward(Prompt).ToArray(), Is.EqualTo(expected));

        // a pass that is left early is begun anew
        Assert.That(model.StreamOnly(streamed / 2), Is.InRange(streamed / 2, streamed - 1));
        session.Rewind(0);
        Assert.That(session.Forward(Prompt).ToArray(), Is.EqualTo(expected));
        Assert.That(model.Streaming.Restarts, Is.EqualTo(1));
    }

    [Test]
    public void Token_is_timed_beside_what_bounds_it()
    {
        using LlamaModel model = Streamed();
        using DecoderSession session = Session(model);
        using var whole = LlamaModel.Load(_checkpoint, Accelerator);
        using DecoderSession resident = Session(whole);
        session.Forward(Prompt);
        resident.Forward(Prompt);
        long before = model.Streaming.Bytes;
        StreamingResult result = StreamingMeasurement.Run(model, session, resident, Prompt.Length, tokens: 2, rounds: 1);
        Assert.Multiple(() =>
        {
            Assert.That(result.StreamedBytes, Is.EqualTo(model.Plan.StreamedBytesPerToken));
            Assert.That(result.CopyBytesPerSecond, Is.EqualTo(result.StreamedBytes / result.CopySeconds));
            Assert.That(result.TimesBound, Is.EqualTo(result.Seconds / Math.Max(result.CopySeconds, result.ResidentSeconds!.Value)).Within(1e-9));
            Assert.That(result.ShareOfSideBySide, Is.EqualTo(result.SideBySideSeconds / result.Seconds).Within(1e-9));
            Assert.That(session.Position, Is.EqualTo(Prompt.Length + 2));

            // one pass to begin with, two tokens alone, beside the other, and computed
            Assert.That(model.Streaming.Bytes - before, Is.GreaterThan(6 * model.Plan.StreamedBytesPerToken));
        });
    }

    [Test]
    public void Without_a_resident_model_the_bound_is_copying()
    {
        using LlamaModel model = Streamed();
        using DecoderSession session = Session(model);
        session.Forward(Prompt);
        StreamingResult result = StreamingMeasurement.Run(model, session, resident: null, Prompt.Length, tokens: 1, rounds: 1);
        Assert.That(result.ResidentSeconds ?? result.SideBySideSeconds ?? result.ShareOfSideBySide, Is.Null);
        Assert.That(result.TimesBound, Is.EqualTo(result.Seconds / result.CopySeconds).Within(1e-9));
    }

    [Test]
    public void Model_that_is_resident_has_nothing_to_measure()
    {
        using var model = LlamaModel.Load(_checkpoint, Accelerator);
        using DecoderSession session = Session(model);
        Assert.That(StreamingMeasurement.CopyBytesPerSecond(model), Is.Null);
        Assert.That(() => StreamingMeasurement.Run(model, session, null, 0, 1, 1), Throws.ArgumentException);
    }

    private static DecoderSession Session(LlamaModel model) => model.CreateSession(Context, new() { ChunkLength = 5 });

    private LlamaModel Streamed() =>
        LlamaModel.Load(_checkpoint, Accelerator, StreamedModelTests.Request(Accelerator, _random, 0, Seed));
}
