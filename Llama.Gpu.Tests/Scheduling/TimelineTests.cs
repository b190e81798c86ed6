using Llama.Gpu.Checkpoints;
using Llama.Gpu.Scheduling;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>The streamer itself on a simulated device: how near it comes to the larger of copying and computing.</summary>
public sealed class TimelineTests
{
    private const long GiB = 1L << 30;
    private const int Tokens = 3;
    private const double Share = 0.97;

    private static readonly long[] Budgets = [4 * GiB, 8 * GiB, 12 * GiB];

    // link and memory in GB/s: PCIe 3, 4 and 5 with a card of about its time, and an NVMe drive
    private static readonly (double Link, double Memory)[] Machines = [(12, 450), (25, 1000), (50, 3000), (6, 1000)];

    [Test]
    public void Streamer_reaches_97_percent_of_the_bound_and_the_plan_predicts_it(
        [Values(2, 3, 4)] int slots, [Values("llama-3-8b", "llama-2-70b")] string preset, [Range(0, 3)] int machine)
    {
        (double link, double memory) = Machines[machine];
        foreach (long budget in Budgets)
        {
            Check(Plan(preset, slots, budget), new LinkSpeed(link * 1e9, memory * 1e9, SharesMemory: false));
        }
    }

    // the hardest case: copying and computing take nearly as long, so that any wait of one is a loss
    [Test]
    public void Streamer_reaches_97_percent_of_the_bound_where_copies_take_about_as_long_as_kernels(
        [Values(2, 3, 4)] int slots, [Values("llama-3-8b", "llama-2-70b")] string preset, [Values(0.9, 1, 1.1)] double copyByCompute)
    {
        foreach (long budget in Budgets)
        {
            MemoryPlan plan = Plan(preset, slots, budget);
            double all = plan.Layout.StepBytes + (plan.SessionBytes.CacheBytes / 2.0);
            const double Memory = 110e9;
            Check(plan, new LinkSpeed(Memory * plan.StreamedBytesPerToken / all / copyByCompute, Memory, SharesMemory: false));
        }
    }

    private static MemoryPlan Plan(string preset, int slots, long budget) => MemoryPlan.Create(
        ModelLayout.Of(SyntheticPresets.Get(preset), TensorType.BFloat16), new(budget, 4096) { SlotCount = slots });

    private static void Check(MemoryPlan plan, LinkSpeed speed)
    {
        PlanPrediction predicted = PlanPrediction.Of(plan, speed);
        double seconds = Simulate(plan, speed);
        double bound = Math.Max(predicted.CopySeconds, predicted.ComputeSeconds);
        Assert.That(bound / seconds, Is.InRange(Share, 1.0001), $"{seconds} s with {plan}");
        Assert.That(predicted.SecondsPerToken, Is.EqualTo(seconds).Within(3).Percent);
    }

    // seconds a token in the steady state
    private static double Simulate(MemoryPlan plan, LinkSpeed speed)
    {
        // attention's reading of the cache is spread over the weights, in proportion to their bytes
        double perByte = PlanPrediction.Of(plan, speed).ComputeSeconds / plan.Layout.StepBytes;
        int pieces = plan.SlotCount * MemoryPlan.PiecesPerSlot;
        var link = new SimulatedLink(pieces, speed.LinkBytesPerSecond, piece => piece.Bytes * perByte);
        var body = plan.Steps.SkipLast(1).SelectMany(step => step.Streamed);
        using var streamer = new WeightStreamer(body, plan.Steps[^1].Streamed, pieces, link, new NoReader());
        Pass(plan, streamer, link);
        double start = link.Now;
        for (int token = 0; token < Tokens; token++)
        {
            Pass(plan, streamer, link);
        }

        return (link.Now - start) / Tokens;
    }

    private static void Pass(MemoryPlan plan, WeightStreamer streamer, SimulatedLink link)
    {
        streamer.BeginPass(withHead: true);
        foreach (StepPlan step in plan.Steps)
        {
            for (int i = 0; i < step.Pieces.Length; i++)
            {
                bool streamed = !step.IsResident[i];
                if (streamed)
                {
                    streamer.Take(step.Pieces[i], CancellationToken.None);
                }

                link.Compute(step.Pieces[i]);
                if (streamed)
                {
                    streamer.Release();
                }
            }
        }
    }

    private sealed class NoReader : IWeightReader
    {
        public void Read(string tensor, long offset, Span<byte> destination) => throw new NotSupportedException();
    }
}
