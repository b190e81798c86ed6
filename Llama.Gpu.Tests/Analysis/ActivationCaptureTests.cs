using Llama.Gpu.Analysis;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.EndToEnd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Analysis;

/// <summary>What a session lets itself be seen of, and the logit lens, on models/tiny.</summary>
public sealed class ActivationCaptureTests : TinyModelFixture
{
    private const string Prompt = "the answer to the ultimate question of life, the universe, and everything is ";

    [TestCase(64)]
    [TestCase(5)]
    [TestCase(1)]
    public void Rows_sum_to_one_and_nothing_lies_ahead(int chunkLength)
    {
        int[] ids = TinyTokenizer.Encode(Prompt);
        using DecoderSession session = TinyModel.CreateSession(ids.Length, new() { ChunkLength = chunkLength });
        using var capture = new ActivationCapture(session);
        session.Forward(ids);
        Assert.That(capture.TokenCount, Is.EqualTo(ids.Length));
        for (int layer = 0; layer < TinyModel.Config.LayerCount; layer++)
        {
            for (int head = 0; head < TinyModel.Config.HeadCount; head++)
            {
                AttentionMap map = capture.Attention(layer, head);
                Assert.That((map.RowCount, map.PositionCount), Is.EqualTo((ids.Length, ids.Length)));
                for (int row = 0; row < ids.Length; row++)
                {
                    double sum = 0;
                    for (int position = 0; position < ids.Length; position++)
                    {
                        sum += map[row, position];
                        Assert.That(map[row, position], position > row ? Is.Zero : Is.GreaterThanOrEqualTo(0f));
                    }

                    Assert.That(sum, Is.EqualTo(1).Within(1e-5), $"layer {layer}, head {head}, row {row}");
                }
            }
        }
    }

    [Test]
    public void Lens_after_the_last_layer_is_the_models_own_answer()
    {
        int[] ids = TinyTokenizer.Encode(Prompt);
        using DecoderSession session = TinyModel.CreateSession(ids.Length);
        using var capture = new ActivationCapture(session);
        float[] logits = session.Forward(ids).ToArray();
        int hidden = TinyModel.Config.HiddenSize;
        var lens = new LogitLens(TinyCheckpoint, TinyModel.Budget);
        int last = TinyModel.Config.LayerCount - 1;
        float[] seen = lens.Logits(capture.HiddenStates(last)[^hidden..])[0];
        Assert.That(seen, Is.EqualTo(logits));
        Assert.That(TopLogits.Select(seen, 20), Is.EqualTo(TopLogits.Select(logits, 20)));

        // the states of the first layer are others, and the model does not know the answer there yet
        float[] early = lens.Logits(capture.HiddenStates(0)[^hidden..])[0];
        Assert.That(TopLogits.Select(early, 1)[0].Id, Is.Not.EqualTo(TopLogits.Select(logits, 1)[0].Id));
        Assert.That(() => lens.Logits(new float[hidden + 1]), Throws.ArgumentException);
    }

    [Test]
    public void Later_tokens_see_those_before_the_capture()
    {
        int[] ids = TinyTokenizer.Encode(Prompt);
        using DecoderSession whole = TinyModel.CreateSession(ids.Length);
        using var all = new ActivationCapture(whole, new() { Layers = [2], Heads = [3], HiddenStates = false });
        whole.Forward(ids);
        using DecoderSession session = TinyModel.CreateSession(ids.Length);
        session.Forward(ids.AsSpan(0, 9));
        using var capture = new ActivationCapture(session, new() { Layers = [2], Heads = [3], HiddenStates = false });
        session.Forward(ids.AsSpan(9));
        AttentionMap map = capture.Attention(2, 3);
        Assert.That((map.FirstPosition, map.RowCount, map.PositionCount), Is.EqualTo((9, ids.Length - 9, ids.Length)));
        for (int position = 0; position < ids.Length; position++)
        {
            Assert.That(map[map.RowCount - 1, position], Is.EqualTo(all.Attention(2, 3)[ids.Length - 1, position]).Within(1e-5));
        }

        Assert.That(() => capture.Attention(2, 2), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => capture.HiddenStates(2), Throws.Exception);
    }

    [Test]
    public void Session_that_nobody_looks_at_does_nothing_for_it()
    {
        int[] ids = TinyTokenizer.Encode(Prompt);
        float[] never;
        long memory;
        using (DecoderSession session = TinyModel.CreateSession(ids.Length))
        {
            never = session.Forward(ids).ToArray();
            memory = TinyModel.Budget.UsedBytes;
        }

        // made and gone without a forward pass: no memory more, and the same bits, which the observed pass would not give
        using DecoderSession seen = TinyModel.CreateSession(ids.Length);
        new ActivationCapture(seen).Dispose();
        Assert.That(seen.Observer, Is.Null);
        Assert.That(seen.Forward(ids).ToArray(), Is.EqualTo(never));
        Assert.That(TinyModel.Budget.UsedBytes, Is.EqualTo(memory));

        // looked at, it takes memory for the scores: heads x tokens x positions
        seen.Rewind(0);
        using var capture = new ActivationCapture(seen);
        seen.Forward(ids);
        Assert.That(TinyModel.Budget.UsedBytes, Is.EqualTo(memory + (4L * 8 * ids.Length * ids.Length)));
    }

    [Test]
    public void Another_observer_is_called_too_and_comes_back()
    {
        var steps = new List<DecoderStep>();
        DecoderStepObserver before = (step, _, _) => steps.Add(step);
        using DecoderSession session = TinyModel.CreateSession(4);
        session.Observer = before;
        using (var capture = new ActivationCapture(session, new() { Magnitudes = true, AttentionWeights = false }))
        {
            session.Forward([1, 2, 3]);
            Assert.That(capture.Magnitudes.Count, Is.EqualTo(steps.Count));
            Assert.That(capture.Magnitudes, Is.All.Matches<StepMagnitude>(magnitude => magnitude is { RootMeanSquare: > 0 } && magnitude.Largest >= magnitude.RootMeanSquare));
            Assert.That(capture.HiddenStates(-1).Length, Is.EqualTo(3 * 128));
        }

        Assert.That(session.Observer, Is.SameAs(before));
    }

    [Test]
    public void Layers_and_heads_that_are_none_are_refused()
    {
        using DecoderSession session = TinyModel.CreateSession(4);
        Assert.That(() => new ActivationCapture(session, new() { Layers = [5] }), Throws.InstanceOf<AnalysisException>());
        Assert.That(() => new ActivationCapture(session, new() { Heads = [] }), Throws.InstanceOf<AnalysisException>());
        Assert.That(session.Observer, Is.Null);
    }

    [Test]
    public void Guide_names_the_steps_in_the_order_of_the_pass()
    {
        var steps = ForwardPassGuide.Of(TinyModel.Config, 3);
        Assert.That(steps.Select(step => step.Step), Is.EqualTo(Enum.GetValues<DecoderStep>()));
        Assert.That(steps.Single(step => step.Step == DecoderStep.Probabilities).Shape, Is.EqualTo("8 x 3 x 3"));
    }
}
