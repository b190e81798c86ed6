using System.Diagnostics;

namespace Llama.Gpu.Measurement;

/// <summary>Runs numbered chunks of work on every core of the host.</summary>
internal static class CoreGang
{
    /// <summary>Runs the chunks, each on the core that is free first.</summary>
    /// <param name="chunks">Number of chunks.</param>
    /// <param name="chunk">Runs one, given its number.</param>
    /// <returns>Time from when every thread was ready until the last chunk was done.</returns>
    public static TimeSpan Run(int chunks, Action<int> chunk)
    {
        int threads = Environment.ProcessorCount;
        int next = -1;
        long began = 0;

        // the action runs once all have come, and before any goes on
        using var ready = new Barrier(threads, _ => began = Stopwatch.GetTimestamp());
        void Work()
        {
            ready.SignalAndWait();
            for (int i = Interlocked.Increment(ref next); i < chunks; i = Interlocked.Increment(ref next))
            {
                chunk(i);
            }
        }

        Thread[] others = [.. Enumerable.Range(1, threads - 1).Select(_ => new Thread(Work) { IsBackground = true })];
        foreach (Thread thread in others)
        {
            thread.Start();
        }

        Work();
        foreach (Thread thread in others)
        {
            thread.Join();
        }

        return Stopwatch.GetElapsedTime(began);
    }
}
