using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>A prompt, single tokens and the choice of tokens, with an eye on every byte of the accelerator's memory.</summary>
internal static class BudgetRun
{
    /// <summary>
    /// Runs under a budget. What the model and its session take is in the end what the plan said, to the byte, and the most there ever was;
    /// nothing is left behind.
    /// </summary>
    /// <param name="accelerator">Where it runs.</param>
    /// <param name="checkpoint">The model.</param>
    /// <param name="request">The budget, and the session that is made.</param>
    /// <param name="prompt">Ids of the prompt.</param>
    public static void Check(Accelerator accelerator, Checkpoint checkpoint, MemoryPlanRequest request, int[] prompt)
    {
        long before = accelerator.AllocatedBytes;
        accelerator.ResetPeak();
        using (var model = LlamaModel.Load(checkpoint, accelerator, request))
        using (DecoderSession session = model.CreateSession(
            request.ContextLength, new() { ChunkLength = request.ChunkLength, ChoosesOnDevice = request.ChoosesOnDevice }))
        {
            session.ForwardAll(prompt, (_, _) => { });
            session.Rewind(0);
            session.ForwardAndChoose(prompt, Choice, out _);
            for (int i = 0; i < 3; i++)
            {
                session.ForwardAndChoose([prompt[i]], Choice, out _);
                session.Forward([prompt[i]]);
            }

            Assert.Multiple(() =>
            {
                Assert.That(model.Budget.PeakBytes, Is.EqualTo(model.Plan.PlannedBytes), model.Plan.ToString());
                Assert.That(model.Plan.PlannedBytes, Is.LessThanOrEqualTo(request.BudgetBytes));
                Assert.That(model.Budget.UsedBytes, Is.EqualTo(accelerator.AllocatedBytes - before), "memory that goes past the budget");
                Assert.That(accelerator.PeakAllocatedBytes - before, Is.EqualTo(model.Plan.PlannedBytes), "the device's own peak");
            });
        }

        Assert.That(accelerator.AllocatedBytes, Is.EqualTo(before));
    }

    private static TokenChoice Choice => new(0.8, 5, 0.9, 0.0, 3, 1);
}
