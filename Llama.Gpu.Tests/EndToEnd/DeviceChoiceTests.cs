using Llama.Gpu.Checkpoints;
using Llama.Gpu.Generation;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>models/tiny with tokens chosen on the device: the same text as with the host's choice, token for token.</summary>
[TestFixture("cpu")]
[TestFixture("simd")]
[TestFixture("opencl")]
public sealed class DeviceChoiceTests(string device)
{
    private static readonly int[] Prompt = [1, 5, 9, 30, 7];

    private Checkpoint _checkpoint = null!;
    private LlamaModel _model = null!;

    private static IEnumerable<SamplingOptions> Options() =>
    [
        new(),
        new() { Temperature = 0.8, TopK = 40, TopP = 0.95, Seed = 11 },
        new() { Temperature = 1.2, Seed = 12 },
        new() { Temperature = 1, TopP = 0.9, MinP = 0.05, Seed = 13 },

        // looks at the history, so that the host chooses
        new() { Temperature = 1, RepetitionPenalty = 1.3, Seed = 14 },
    ];

    [OneTimeSetUp]
    public void Load()
    {
        Accelerator accelerator = device switch
        {
            "cpu" => TestAccelerators.Sequential,
            "simd" => SimdAccelerators.Of(512),
            _ => TestAccelerators.OpenCl,
        };
        _checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        _model = LlamaModel.Load(_checkpoint, accelerator);
    }

    [OneTimeTearDown]
    public void Dispose()
    {
        _model.Dispose();
        _checkpoint.Dispose();
    }

    [TestCaseSource(nameof(Options))]
    public async Task Text_is_that_of_the_hosts_choice(SamplingOptions options)
    {
        var host = await Generate(_model, options, onDevice: false);
        var chosen = await Generate(_model, options, onDevice: true);
        Assert.That(chosen, Is.EqualTo(host).And.Length.EqualTo(24));
    }

    [Test]
    public async Task Streamed_model_chooses_the_same()
    {
        var options = new SamplingOptions { Temperature = 0.9, TopP = 0.9, Seed = 21 };
        var request = new MemoryPlanRequest(long.MaxValue, 64) { SlotBytes = 64 << 10, ChunkLength = 3 };
        long budget = MemoryPlan.Create(ModelLayout.Of(_checkpoint), request).SmallestBudget;
        using var streamed = LlamaModel.Load(_checkpoint, _model.Accelerator, request with { BudgetBytes = budget * 2 });
        Assert.That(streamed.Plan.Streams);
        Assert.That(await Generate(streamed, options, onDevice: true), Is.EqualTo(await Generate(_model, options, onDevice: false)));
    }

    [Test]
    public void Session_goes_on_from_a_rewind_and_from_calls_that_give_logits()
    {
        var choice = new TokenChoice(1.0, 0, 1.0, 0.0, Seed: 3, Draw: 4);
        using var session = _model.CreateSession(32, new() { ChoosesOnDevice = true });
        int? first = session.ForwardAndChoose([1, 2, 3], choice, out var logits);
        Assert.That(logits.IsEmpty);
        int? second = session.ForwardAndChoose([first!.Value], choice with { Draw = 5 }, out _);
        session.Rewind(3);
        Assert.That(session.ForwardAndChoose([first.Value], choice with { Draw = 5 }, out _), Is.EqualTo(second));
        session.Rewind(3);
        float[] expected = session.Forward([first.Value]).ToArray();
        Assert.That(new Sampler(new() { Temperature = 1, Seed = 3 }).Sample(expected, new int[5]), Is.EqualTo(second));
        session.Rewind(0);
        Assert.That(session.ForwardAndChoose([1, 2, 3], choice, out _), Is.EqualTo(first));
    }

    [Test]
    public void Observed_session_leaves_the_choice_to_the_caller()
    {
        using var session = _model.CreateSession(8, new() { ChoosesOnDevice = true });
        session.Observer = (_, _, _) => { };
        Assert.That(session.ForwardAndChoose([1], default, out var logits), Is.Null);
        Assert.That(logits.Length, Is.EqualTo(session.VocabularySize));
    }

    private static async Task<int[]> Generate(LlamaModel model, SamplingOptions options, bool onDevice)
    {
        // a chunk shorter than the prompt
        using var session = model.CreateSession(64, new() { ChoosesOnDevice = onDevice, ChunkLength = 3 });
        var generator = new TextGenerator(session);
        var result = await generator.CompleteAsync(Prompt, new GenerationOptions { Sampling = options, MaxTokens = 24, IgnoreEndOfText = true });
        return [.. result.Ids];
    }
}
