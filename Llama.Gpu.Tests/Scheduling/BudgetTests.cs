using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>The budget is a promise: no byte of device memory is taken beside the plan's.</summary>
[NonParallelizable]
[TestFixture("simd")]
[TestFixture("opencl")]
public sealed class BudgetTests(string device)
{
    private Accelerator Accelerator => device == "simd" ? SimdAccelerators.Of(512) : TestAccelerators.OpenCl;

    [Test]
    public void Whole_run_takes_what_the_plan_says([Values(1, 2, 5)] int seed, [Values(0, 0.4, 1)] double share, [Values] bool choosesOnDevice)
    {
        using var random = new RandomModel(seed);
        using Checkpoint checkpoint = random.Open();
        MemoryPlanRequest request = StreamedModelTests.Request(Accelerator, random, share, seed, choosesOnDevice);
        BudgetRun.Check(Accelerator, checkpoint, request, StreamedModelTests.Tokens(random, 7));
    }

    [Test]
    public void Smallest_budget_of_the_error_is_enough_for_a_whole_run([Values] bool choosesOnDevice)
    {
        using var random = new RandomModel(2);
        using Checkpoint checkpoint = random.Open();
        MemoryPlanRequest request = StreamedModelTests.Request(Accelerator, random, 0, seed: 2, choosesOnDevice);
        var error = Assert.Throws<MemoryBudgetException>(
            () => LlamaModel.Load(checkpoint, Accelerator, request with { BudgetBytes = 1 }))!;
        BudgetRun.Check(Accelerator, checkpoint, request with { BudgetBytes = error.Smallest }, StreamedModelTests.Tokens(random, 7));
    }
}
