using Llama.Gpu.Jit.Runtime.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>Threads that share the parts of some work.</summary>
[CancelAfter(60_000)]
public sealed class SimdWorkersTests
{
    [Test]
    public void Every_part_is_done_once([Values(1, 2, 3, 8)] int threads, [Values(1, 2, 7, 100)] int count, [Values] bool inOrder)
    {
        using var workers = new SimdWorkers(threads);
        int[] done = new int[count];
        int last = -1;
        bool ordered = true;
        for (int run = 0; run < 20; run++)
        {
            last = -1;
            workers.Run(count, inOrder, (first, end, _) =>
            {
                for (long i = first; i < end; i++)
                {
                    Interlocked.Increment(ref done[i]);
                    ordered &= !inOrder || Interlocked.Exchange(ref last, (int)i) == i - 1;
                }
            });
        }

        Assert.That(done, Is.All.EqualTo(20));
        Assert.That(ordered);
    }

    [Test]
    public void Exception_of_a_part_is_thrown_and_the_next_work_is_done()
    {
        using var workers = new SimdWorkers(3);
        Assert.That(
            () => workers.Run(50, inOrder: false, (first, _, _) => throw new InvalidOperationException($"part {first}")),
            Throws.InvalidOperationException.With.Message.StartsWith("part"));
        int done = 0;
        workers.Run(50, inOrder: false, (first, end, _) => Interlocked.Add(ref done, (int)(end - first)));
        Assert.That(done, Is.EqualTo(50));
    }

    // threads that sleep take a while to come: launches until then must not wake them again
    [Test]
    public void Thread_that_sleeps_is_woken_once([Values(2, 4)] int threads)
    {
        using var workers = new SimdWorkers(threads);
        for (int run = 0; run < 10; run++)
        {
            Thread.Sleep(20);
            int most = 0;
            for (int launch = 0; launch < 2000; launch++)
            {
                workers.Run(2, inOrder: false, (_, _, _) => { });
                most = Math.Max(most, workers.Waking);
            }

            Assert.That(most, Is.LessThan(threads));
        }
    }
}
