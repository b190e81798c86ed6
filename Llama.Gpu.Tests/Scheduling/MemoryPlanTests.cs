using Llama.Gpu.Checkpoints;
using Llama.Gpu.Scheduling;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>What a plan keeps and what it streams.</summary>
public sealed class MemoryPlanTests
{
    private const long GiB = 1L << 30;

    private static readonly LinkSpeed Pcie4 = new(25e9, 1000e9, SharesMemory: false);

    [Test]
    public void Llama_3_8B_runs_in_one_GiB_with_4096_positions()
    {
        MemoryPlan plan = Plan("llama-3-8b", GiB, 4096);
        Assert.That(plan.PlannedBytes, Is.LessThanOrEqualTo(GiB));
        Assert.That(plan.StreamedBytesPerToken, Is.InRange(14.2e9, 15e9));
        Assert.That(plan.SmallestBudget, Is.LessThan(0.75 * GiB));
    }

    [Test]
    public void Four_layers_of_70B_run_in_one_and_a_half_GiB()
    {
        var config = SyntheticPresets.Get("llama-2-70b") with { LayerCount = 4 };
        MemoryPlan plan = MemoryPlan.Create(ModelLayout.Of(config, TensorType.Float16), new(3 * GiB / 2, 4096));
        Assert.That(plan.PlannedBytes, Is.LessThanOrEqualTo(3 * GiB / 2));
        Assert.That(plan.Streams);
    }

    [Test]
    public void Model_that_fits_is_not_streamed()
    {
        MemoryPlan plan = Plan("llama-3-8b", 24 * GiB, 4096);
        Assert.That(plan.Streams, Is.False);
        Assert.That(plan.StreamedBytesPerToken, Is.Zero);
        Assert.That(plan.EmbeddingIsResident);
        Assert.That(plan.ResidentBytes, Is.EqualTo(CheckpointSummary.Of(plan.Layout.Config, TensorType.BFloat16).TotalBytes));
    }

    [TestCase("tiny", 64)]
    [TestCase("300m", 512)]
    [TestCase("llama-3.2-1b", 4096)]
    [TestCase("llama-3-8b", 8192)]
    public void More_memory_never_leaves_more_to_stream(string preset, int context)
    {
        long smallest = Smallest(preset, context);
        long largest = Plan(preset, long.MaxValue, context).PlannedBytes;
        var random = new Random(7);
        long[] budgets = [smallest, .. Enumerable.Range(0, 400).Select(_ => smallest + random.NextInt64(largest - smallest)), largest];
        Array.Sort(budgets);
        long before = long.MaxValue;
        double time = double.PositiveInfinity;
        foreach (long budget in budgets)
        {
            MemoryPlan plan = Plan(preset, budget, context);
            Assert.That(plan.PlannedBytes, Is.LessThanOrEqualTo(budget));
            Assert.That(plan.StreamedBytesPerToken, Is.LessThanOrEqualTo(before));
            double predicted = PlanPrediction.Of(plan, Pcie4).SecondsPerToken;
            Assert.That(predicted, Is.LessThanOrEqualTo(time));
            before = plan.StreamedBytesPerToken;
            time = predicted;
        }

        Assert.That(before, Is.Zero);
    }

    [TestCase("llama-3-8b", 2)]
    [TestCase("llama-3-8b", 8)]
    [TestCase("llama-2-70b", 24)]
    public void Budget_is_used_but_for_less_than_a_slot(string preset, int gib)
    {
        MemoryPlan plan = Plan(preset, gib * GiB, 4096);
        Assert.That(plan.PlannedBytes, Is.GreaterThan((gib * GiB) - plan.SlotBytes));
    }

    [TestCase("tiny", 64)]
    [TestCase("llama-3-8b", 4096)]
    public void Error_says_the_smallest_budget_and_that_works(string preset, int context)
    {
        var error = Assert.Throws<MemoryBudgetException>(() => Plan(preset, 1000, context))!;
        Assert.That(error.Message, Does.Contain($"{error.Smallest} bytes").And.Contain("KV cache"));
        Assert.That(Plan(preset, error.Smallest, context).PlannedBytes, Is.LessThanOrEqualTo(error.Smallest));
        Assert.That(() => Plan(preset, error.Smallest - 1, context), Throws.TypeOf<MemoryBudgetException>());
    }

    [TestCase(4096)]
    [TestCase(100_000)]
    [TestCase(1 << 30)]
    public void Pieces_cover_every_row_once(long target)
    {
        foreach (LayoutStep step in ModelLayout.Of(SyntheticPresets.Get("300m"), TensorType.BFloat16).Steps)
        {
            var pieces = WeightPiece.Cut(step, target);
            for (int m = 0; m < step.Matrices.Length; m++)
            {
                int next = 0;
                foreach (WeightPiece piece in pieces)
                {
                    Assert.That(piece.Rows[m].First, Is.EqualTo(next));
                    Assert.That(piece.Rows[m].Count, Is.GreaterThan(0));
                    Assert.That(piece.Rows[m].Offset % WeightPiece.Alignment, Is.Zero);
                    Assert.That(piece.Rows[m].Offset + piece.Rows[m].Bytes, Is.LessThanOrEqualTo(piece.SlotBytes));
                    next += piece.Rows[m].Count;
                }

                Assert.That(next, Is.EqualTo(step.Matrices[m].Rows));
            }
        }
    }

    // no run of resident pieces is so long that all slots are full before it ends
    [TestCase("llama-3-8b", 8)]
    [TestCase("llama-2-70b", 24)]
    public void Resident_pieces_are_spread_over_the_pass(string preset, int gib)
    {
        MemoryPlan plan = Plan(preset, gib * GiB, 4096);
        bool[] resident = [.. plan.Steps.SelectMany(step => step.IsResident)];
        double share = (double)plan.ResidentBytes / plan.Layout.StepBytes;
        double ahead = 0;
        double least = 0;
        double most = 0;
        foreach ((WeightPiece piece, bool kept) in plan.Steps.SelectMany(step => step.Pieces).Zip(resident))
        {
            ahead += (kept ? piece.Bytes : 0) - (share * piece.Bytes);
            least = Math.Min(least, ahead);
            most = Math.Max(most, ahead);
        }

        Assert.That(most - least, Is.LessThan(plan.SlotCount * plan.SlotBytes));
    }

    private static long Smallest(string preset, int context) => Plan(preset, long.MaxValue, context).SmallestBudget;

    private static MemoryPlan Plan(string preset, long budget, int context) =>
        MemoryPlan.Create(ModelLayout.Of(SyntheticPresets.Get(preset), TensorType.BFloat16), new(budget, context));
}
