using System.Runtime.InteropServices;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>A model that is streamed computes the bits of one that is resident, within its budget.</summary>
public sealed class StreamedModelTests
{
    private const int Context = 24;
    private const int Chunk = 5;

    [Test]
    public void Streamed_and_resident_give_the_same_bits_on_simd([Range(1, 12)] int seed) =>
        CompareBits(SimdAccelerators.Of(512), seed, budgets: 4);

    [Test]
    public void Streamed_and_resident_give_the_same_bits_on_narrow_simd([Range(13, 15)] int seed) =>
        CompareBits(SimdAccelerators.Of(128), seed, budgets: 2);

    [Test]
    public void Streamed_and_resident_give_the_same_bits_on_opencl([Range(1, 3)] int seed) =>
        CompareBits(TestAccelerators.OpenCl, seed, budgets: 2);

    [Test]
    public void Streamed_and_resident_give_the_same_bits_on_the_cpu([Range(1, 2)] int seed) =>
        CompareBits(TestAccelerators.Sequential, seed, budgets: 1);

    [Test]
    public void Prompt_streams_each_weight_once_a_chunk()
    {
        using var random = new RandomModel(3);
        using Checkpoint checkpoint = random.Open();
        Accelerator accelerator = SimdAccelerators.Of(512);
        using var model = LlamaModel.Load(checkpoint, accelerator, Request(accelerator, random, 0, seed: 3));
        long streamed = model.Plan.Steps.Sum(step => step.Streamed.Sum(piece => piece.Bytes));
        long head = model.Plan.Steps[^1].Streamed.Sum(piece => piece.Bytes);
        using DecoderSession session = model.CreateSession(Context, new() { ChunkLength = Chunk });
        session.ForwardAll(Tokens(random, 2 * Chunk), (_, _) => { });
        AssertStreamed(model, 2 * streamed);
        session.Forward(Tokens(random, 2 * Chunk));
        AssertStreamed(model, (4 * streamed) - head);
        Assert.That(model.Streaming.Restarts, Is.Zero);
    }

    [Test]
    public void Every_allocation_is_in_the_budget([Values(1, 2, 5)] int seed)
    {
        using var random = new RandomModel(seed);
        using Checkpoint checkpoint = random.Open();
        Accelerator accelerator = SimdAccelerators.Of(512);
        long before = accelerator.AllocatedBytes;
        MemoryPlanRequest request = Request(accelerator, random, 0.4, seed);
        using (var model = LlamaModel.Load(checkpoint, accelerator, request))
        using (DecoderSession session = model.CreateSession(Context, new() { ChunkLength = Chunk }))
        {
            session.Forward(Tokens(random, 7));
            Assert.That(model.Budget.UsedBytes, Is.EqualTo(accelerator.AllocatedBytes - before));
            Assert.That(model.Budget.UsedBytes, Is.EqualTo(model.Plan.PlannedBytes));
            Assert.That(model.Budget.PeakBytes, Is.LessThanOrEqualTo(request.BudgetBytes));
        }

        Assert.That(accelerator.AllocatedBytes, Is.EqualTo(before));
    }

    [Test]
    public void Second_session_that_does_not_fit_is_refused_and_the_first_goes_on()
    {
        using var random = new RandomModel(4);
        using Checkpoint checkpoint = random.Open();
        Accelerator accelerator = SimdAccelerators.Of(512);
        using var model = LlamaModel.Load(checkpoint, accelerator, Request(accelerator, random, 0, seed: 4));
        using DecoderSession session = model.CreateSession(Context, new() { ChunkLength = Chunk });
        float[] expected = session.Forward([1, 2, 3]).ToArray();
        long used = model.Budget.UsedBytes;
        var error = Assert.Throws<MemoryBudgetException>(() => model.CreateSession(Context));
        Assert.That(error!.Smallest, Is.GreaterThan(error.Budget));
        Assert.That(model.Budget.UsedBytes, Is.EqualTo(used));
        session.Rewind(0);
        Assert.That(session.Forward([1, 2, 3]).ToArray(), Is.EqualTo(expected));
    }

    /// <summary>A budget between the smallest, for a share of 0, and all that the model can use.</summary>
    internal static MemoryPlanRequest Request(Accelerator accelerator, RandomModel random, double share, int seed)
    {
        LlamaConfig config = random.Config;
        var request = new MemoryPlanRequest(long.MaxValue, Context)
        {
            ChunkLength = Chunk,
            SlotBytes = 2048 << (seed % 3),
            SlotCount = 2 + (seed % 3),
            AttentionPartLength = new Llama.Gpu.Kernels.Attention(accelerator).PartLength(config.HeadCount, config.KeyValueHeadCount, config.HeadDim),
            ProductScratchLength = new Llama.Gpu.Kernels.MatMul(accelerator).ScratchLength(Chunk, config.LongestInput),
        };
        using Checkpoint checkpoint = random.Open();
        MemoryPlan whole = MemoryPlan.Create(ModelLayout.Of(checkpoint), request);
        long budget = whole.SmallestBudget + (long)(share * (whole.PlannedBytes - whole.SmallestBudget));
        return request with { BudgetBytes = budget };
    }

    internal static int[] Tokens(RandomModel random, int count) =>
        [.. Enumerable.Range(0, count).Select(i => (i * 37 + 11) % random.Config.VocabularySize)];

    private static void CompareBits(Accelerator accelerator, int seed, int budgets)
    {
        using var random = new RandomModel(seed);
        using Checkpoint checkpoint = random.Open();
        float[] expected;
        using (var resident = LlamaModel.Load(checkpoint, accelerator))
        {
            Assert.That(resident.Plan.Streams, Is.False);
            expected = Logits(resident, random);
        }

        var choice = new Random(seed);
        for (int i = 0; i <= budgets; i++)
        {
            MemoryPlanRequest request = Request(accelerator, random, i == 0 ? 0 : choice.NextDouble(), seed);
            using var model = LlamaModel.Load(checkpoint, accelerator, request);
            float[] found = Logits(model, random);
            Assert.That(Bits(found), Is.EqualTo(Bits(expected)), model.Plan.ToString());
            if (i == 0)
            {
                Assert.That(model.Streaming.Bytes, Is.GreaterThan(0));
            }
        }
    }

    // a prompt in chunks with all logits, single tokens, a prompt with the last logits, and more single tokens
    private static float[] Logits(LlamaModel model, RandomModel random)
    {
        using DecoderSession session = model.CreateSession(Context, new() { ChunkLength = Chunk });
        int[] tokens = Tokens(random, Context);
        var logits = new List<float>();
        session.ForwardAll(tokens.AsSpan(0, 7), (_, values) => logits.AddRange(values));
        logits.AddRange(session.Forward(tokens.AsSpan(7, 1)));
        logits.AddRange(session.Forward(tokens.AsSpan(8, 1)));
        logits.AddRange(session.Forward(tokens.AsSpan(9, 11)));
        logits.AddRange(session.Forward(tokens.AsSpan(20, 1)));
        return [.. logits];
    }

    private static int[] Bits(float[] values) => MemoryMarshal.Cast<float, int>(values).ToArray();

    // readers run ahead into the next pass, by no more than the slots hold
    private static void AssertStreamed(LlamaModel model, long bytes) => Assert.That(
        model.Streaming.Bytes, Is.InRange(bytes, bytes + (model.Plan.SlotBytes * model.Plan.SlotCount)));
}
