using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>What goes wrong while weights are streamed is a typed error or a clean stop, and the model can be used again.</summary>
[TestFixture("simd")]
[TestFixture("opencl")]
[CancelAfter(60_000)]
[NonParallelizable]
public sealed class StreamingFaultTests(string device)
{
    private const int Context = 24;
    private const int Chunk = 5;
    private const int Seed = 6;
    private static readonly int[] Prompt = [1, 2, 3, 4, 5, 6, 7];
    private static readonly TimeSpan LongEnough = TimeSpan.FromSeconds(20);

    private RandomModel _random = null!;
    private Checkpoint _checkpoint = null!;
    private FaultyReader _reader = null!;
    private float[] _expected = null!;

    private Accelerator Accelerator => device == "simd" ? SimdAccelerators.Of(512) : TestAccelerators.OpenCl;

    [SetUp]
    public void Create()
    {
        _random = new RandomModel(Seed);
        _checkpoint = _random.Open();
        _reader = new FaultyReader(new CheckpointReader(_checkpoint));
        using var model = LlamaModel.Load(_checkpoint, Accelerator);
        using DecoderSession session = Session(model);
        _expected = session.Forward(Prompt).ToArray();
    }

    [TearDown]
    public void Dispose()
    {
        _checkpoint.Dispose();
        _random.Dispose();
    }

    [Test]
    public void Read_error_is_thrown_and_the_next_pass_tries_again([Values(1, 2, 9, 17)] int failing)
    {
        using LlamaModel model = Load();
        using DecoderSession session = Session(model);
        session.Forward([1]);
        session.Rewind(0);
        int first = _reader.Reads;
        _reader.BeforeRead = read =>
        {
            if (read >= first + failing)
            {
                throw new CheckpointException("weights", "the disk is gone");
            }
        };
        Assert.That(() => session.Forward(Prompt), Throws.TypeOf<CheckpointException>().With.Message.Contains("the disk is gone"));
        Assert.That(session.Position, Is.Zero);
        Assert.That(() => session.Forward(Prompt), Throws.TypeOf<CheckpointException>());

        _reader.BeforeRead = null;
        Assert.That(session.Forward(Prompt).ToArray(), Is.EqualTo(_expected));
    }

    [Test]
    public void Truncated_shard_is_an_error_that_names_the_file()
    {
        using var model = LlamaModel.Load(_checkpoint, Accelerator, StreamedModelTests.Request(Accelerator, _random, 0, Seed));
        using DecoderSession session = Session(model);
        session.Forward([1]);
        string shard = Directory.GetFiles(_random.Directory, "*.safetensors").Single();
        using (var file = new FileStream(shard, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
        {
            file.SetLength(file.Length / 2);
        }

        session.Rewind(0);
        Assert.That(() => session.Forward(Prompt), Throws.TypeOf<CheckpointException>().With.Message.Contains(shard));
        Assert.That(session.Position, Is.Zero);
    }

    [Test]
    public void Replaced_shard_does_not_change_what_runs()
    {
        using var model = LlamaModel.Load(_checkpoint, Accelerator, StreamedModelTests.Request(Accelerator, _random, 0, Seed));
        using DecoderSession session = Session(model);
        string shard = Directory.GetFiles(_random.Directory, "*.safetensors").Single();
        File.WriteAllBytes(shard + ".new", new byte[100]);
        File.Move(shard + ".new", shard, overwrite: true);
        Assert.That(session.Forward(Prompt).ToArray(), Is.EqualTo(_expected));
    }

    [Test]
    public void Cancelled_while_a_weight_is_read_it_stops_and_goes_on_later([Values(0, 3, 8)] int reads)
    {
        using LlamaModel model = Load();
        using DecoderSession session = Session(model);
        session.Forward([1]);
        session.Rewind(0);
        using var held = new ManualResetEventSlim();
        using var reached = new ManualResetEventSlim();
        int first = _reader.Reads;
        _reader.BeforeRead = read =>
        {
            if (read > first + reads && IsOfStreamer(read - first))
            {
                reached.Set();
                held.Wait();
            }
        };
        using var cancellation = new CancellationTokenSource();
        Task run = RunOverAndOver(session, 0, cancellation.Token);
        Assert.That(reached.Wait(LongEnough));
        cancellation.Cancel();
        if (ReadsItself)
        {
            held.Set();
        }

        Assert.That(() => run.Wait(LongEnough), Throws.InnerException.InstanceOf<OperationCanceledException>());
        Assert.That(session.Position, Is.Zero);

        _reader.BeforeRead = null;
        held.Set();
        Assert.That(session.Forward(Prompt).ToArray(), Is.EqualTo(_expected));
    }

    [Test]
    public void Cancelled_in_any_layer_the_model_is_as_before([Values(0, 1, 2)] int layer)
    {
        using LlamaModel model = Load();
        using DecoderSession session = Session(model);
        using var cancellation = new CancellationTokenSource();
        session.Observer = (step, at, _) =>
        {
            if (step == DecoderStep.Query && at == Math.Min(layer, _random.Config.LayerCount - 1))
            {
                cancellation.Cancel();
            }
        };
        Assert.That(() => session.Forward(Prompt, cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        session.Observer = null;
        Assert.That(session.Forward(Prompt).ToArray(), Is.EqualTo(_expected));
    }

    [Test]
    public void Disposal_while_copies_are_under_way_waits_for_them_and_frees_all()
    {
        long before = Accelerator.AllocatedBytes;
        using var held = new ManualResetEventSlim();
        using var reached = new ManualResetEventSlim();
        LlamaModel model = Load();
        DecoderSession session = Session(model);
        session.Forward([1]);
        int first = _reader.Reads;
        _reader.BeforeRead = read =>
        {
            if (IsOfStreamer(read - first))
            {
                reached.Set();
                held.Wait();
            }
        };
        Task run = RunOverAndOver(session, 1, default);
        Assert.That(reached.Wait(LongEnough));
        Task disposal = Task.Run(model.Dispose);
        if (!ReadsItself)
        {
            Assert.That(() => run.Wait(LongEnough), Throws.InnerException.InstanceOf<ObjectDisposedException>());
        }

        Assert.That(disposal.Wait(50), Is.False, "a copy writes to memory that would be freed");
        held.Set();
        Assert.That(() => run.Wait(LongEnough), Throws.InnerException.InstanceOf<ObjectDisposedException>());
        Assert.That(disposal.Wait(LongEnough));
        session.Dispose();
        Assert.That(Accelerator.AllocatedBytes, Is.EqualTo(before));
        Assert.That(model.Budget.UsedBytes, Is.Zero);
    }

    [Test]
    public void Allocation_that_fails_at_any_point_of_loading_leaves_nothing_behind()
    {
        long before = Accelerator.AllocatedBytes;
        MemoryPlanRequest request = StreamedModelTests.Request(Accelerator, _random, 0.5, Seed);
        ModelLayout layout = ModelLayout.Of(_checkpoint);
        long weights = MemoryPlan.Create(layout, request).ResidentBytes;
        for (long limit = 0; limit < weights; limit += Math.Max(1, weights / 40))
        {
            var budget = new DeviceBudget(Accelerator, limit);
            Assert.That(
                () => LlamaModel.Load(layout, budget, request, _reader, progress: null, default), Throws.TypeOf<MemoryBudgetException>());
            Assert.That(Accelerator.AllocatedBytes, Is.EqualTo(before));
            Assert.That(budget.UsedBytes, Is.Zero);
            Assert.That(budget.PeakBytes, Is.LessThanOrEqualTo(limit));
        }
    }

    [Test]
    public void Loading_that_is_cancelled_or_fails_leaves_nothing_behind([Values] bool cancelled)
    {
        long before = Accelerator.AllocatedBytes;
        using var cancellation = new CancellationTokenSource();
        _reader.BeforeRead = read =>
        {
            if (read == 5 && cancelled)
            {
                cancellation.Cancel();
            }
            else if (read == 5)
            {
                throw new CheckpointException("weights", "the disk is gone");
            }
        };
        Assert.That(() => Load(cancellation.Token), cancelled
            ? Throws.InstanceOf<OperationCanceledException>()
            : Throws.TypeOf<CheckpointException>());
        Assert.That(Accelerator.AllocatedBytes, Is.EqualTo(before));
    }

    // the vectors' own threads bring weights when the session comes to them; elsewhere others do, and the session waits
    private bool ReadsItself => device == "simd";

    // a chunk begins with the rows of the embedding, which the session reads
    private bool IsOfStreamer(int read) => ReadsItself
        ? read > Chunk
        : Thread.CurrentThread.Name?.StartsWith("weights", StringComparison.Ordinal) == true;

    private static DecoderSession Session(LlamaModel model) => model.CreateSession(Context, new() { ChunkLength = Chunk });

    // until it throws: the read that is held may be one ahead, for a pass to come
    private static Task RunOverAndOver(DecoderSession session, int position, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            while (true)
            {
                session.Rewind(position);
                session.Forward(Prompt, cancellationToken);
            }
        },
        CancellationToken.None);

    // the plan is made for the smallest budget; the budget itself has room for the scores of an observed session
    private LlamaModel Load(CancellationToken cancellationToken = default)
    {
        const long Spare = 64 << 10;
        MemoryPlanRequest request = StreamedModelTests.Request(Accelerator, _random, 0, Seed);
        var budget = new DeviceBudget(Accelerator, request.BudgetBytes + Spare);
        return LlamaModel.Load(ModelLayout.Of(_checkpoint), budget, request, _reader, progress: null, cancellationToken);
    }
}
