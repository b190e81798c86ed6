using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.EndToEnd;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Model;

/// <summary>What a session does with positions, bad tokens and cancellation.</summary>
public sealed class DecoderSessionTests
{
    private Checkpoint _checkpoint = null!;
    private LlamaModel _model = null!;
    private DecoderSession _session = null!;

    [SetUp]
    public void Create()
    {
        _checkpoint = LogitsFixture.Load("mha-tied").Open();
        _model = LlamaModel.Load(_checkpoint, TestAccelerators.Sequential);
        _session = _model.CreateSession(8, new() { ChunkLength = 3 });
    }

    [TearDown]
    public void Dispose()
    {
        _session.Dispose();
        _model.Dispose();
        _checkpoint.Dispose();
    }

    [Test]
    public void Rewound_session_computes_the_same_again()
    {
        float[] first = _session.Forward([5, 6, 7]).ToArray();
        _session.Forward([8, 9]);
        _session.Rewind(1);
        Assert.That(_session.Forward([6, 7]).ToArray(), Is.EqualTo(first).Within(1e-5));
        Assert.That(_session.Position, Is.EqualTo(3));
    }

    [Test]
    public void Rewind_checks_its_position()
    {
        _session.Forward([1, 2]);
        Assert.That(() => _session.Rewind(3), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => _session.Rewind(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Context_overflow_is_typed_and_changes_nothing()
    {
        _session.Forward([1, 2, 3, 4, 5]);
        var error = Assert.Throws<ContextOverflowException>(() => _session.Forward([6, 7, 8, 9]));
        Assert.That(error!.Message, Is.EqualTo("4 tokens at position 5 do not fit into a context of 8"));
        Assert.That(_session.Position, Is.EqualTo(5));
    }

    [TestCase(new int[0])]
    [TestCase(new[] { 1, 131 })]
    [TestCase(new[] { -1 })]
    public void Bad_tokens_are_refused(int[] tokens) =>
        Assert.That(() => _session.Forward(tokens), Throws.TypeOf<ArgumentOutOfRangeException>());

    [Test]
    public void Cancelled_prefill_leaves_the_session_as_it_was()
    {
        float[] expected = _session.Forward([1, 2]).ToArray();
        _session.Rewind(0);
        _session.Forward([1]);
        using var cancellation = new CancellationTokenSource();
        _session.Observer = (step, layer, _) =>
        {
            // in the second chunk of the prompt
            if (step == DecoderStep.Embedding && _session.Position == 4)
            {
                cancellation.Cancel();
            }
        };
        Assert.That(() => _session.Forward([3, 4, 5, 6, 7], cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(_session.Position, Is.EqualTo(1));
        _session.Observer = null;
        Assert.That(_session.Forward([2]).ToArray(), Is.EqualTo(expected).Within(1e-5));
    }

    [Test]
    [NonParallelizable]
    public void Observed_session_agrees_and_only_then_holds_scores()
    {
        var accelerator = TestAccelerators.Sequential;
        float[] expected = _session.Forward([1, 2, 3, 4]).ToArray();
        long before = accelerator.AllocatedBytes;
        _session.Rewind(0);
        _session.Observer = (_, _, _) => { };
        Assert.That(_session.Forward([1, 2, 3, 4]).ToArray(), Is.EqualTo(expected).Within(1e-5));
        Assert.That(accelerator.AllocatedBytes - before, Is.EqualTo(_model.Config.HeadCount * 3 * 8 * sizeof(float)));
    }

    [TestCase(0)]
    [TestCase(100_000)]
    public void Context_length_is_checked(int length) =>
        Assert.That(() => _model.CreateSession(length), Throws.TypeOf<ArgumentOutOfRangeException>());

    [Test]
    [NonParallelizable]
    public void Model_and_session_give_their_memory_back()
    {
        var accelerator = TestAccelerators.Sequential;
        long before = accelerator.AllocatedBytes;
        using (var model = LlamaModel.Load(_checkpoint, accelerator))
        using (model.CreateSession(8))
        {
            Assert.That(accelerator.AllocatedBytes, Is.GreaterThan(before));
        }

        Assert.That(accelerator.AllocatedBytes, Is.EqualTo(before));
    }
}
