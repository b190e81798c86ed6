namespace Llama.Gpu.Scheduling;

/// <summary>How fast weights come to a device and are read there.</summary>
/// <param name="LinkBytesPerSecond">From host memory to the device.</param>
/// <param name="MemoryBytesPerSecond">Read by a kernel.</param>
/// <param name="SharesMemory">
/// Whether both are one memory, as on the host's own processor: copies and kernels then take turns at it rather than run side by side.
/// </param>
public sealed record LinkSpeed(double LinkBytesPerSecond, double MemoryBytesPerSecond, bool SharesMemory);

/// <summary>The time that a plan takes for a token of decoding.</summary>
/// <param name="CopySeconds">Bytes over the link.</param>
/// <param name="ComputeSeconds">
/// Weights and half the KV cache read from the device's memory, which is what bounds decoding. Where the memory is the host's, weights that
/// have just been copied are read from the processor's caches instead, four times as fast.
/// </param>
/// <param name="SecondsPerToken">The larger of the two, or their sum where they are the work of the same cores.</param>
public sealed record PlanPrediction(double CopySeconds, double ComputeSeconds, double SecondsPerToken)
{
    // a core of a Xeon (Sapphire Rapids) reads 10 to 12 GB/s from memory and 44 to 50 from its second-level cache
    private const double CacheByMemory = 4;

    /// <summary>Predicts.</summary>
    public static PlanPrediction Of(MemoryPlan plan, LinkSpeed speed)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(speed);
        double copy = plan.StreamedBytesPerToken / speed.LinkBytesPerSecond;
        double all = plan.Layout.StepBytes + (plan.SessionBytes.CacheBytes / 2.0);
        double inCaches = speed.SharesMemory ? plan.StreamedBytesPerToken * (1 - (1 / CacheByMemory)) : 0;
        double compute = (all - inCaches) / speed.MemoryBytesPerSecond;
        return new(copy, compute, speed.SharesMemory ? copy + compute : Math.Max(copy, compute));
    }
}
