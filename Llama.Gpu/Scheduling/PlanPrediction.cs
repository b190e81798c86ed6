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
/// <param name="ComputeSeconds">Weights and half the KV cache read from the device's memory, which is what bounds decoding.</param>
/// <param name="SecondsPerToken">
/// The larger of the two; or their sum where they are the work of the same cores. There kernels find what was just copied in the caches, which
/// saves about as much as it costs to go from one to the other.
/// </param>
public sealed record PlanPrediction(double CopySeconds, double ComputeSeconds, double SecondsPerToken)
{
    /// <summary>Predicts.</summary>
    public static PlanPrediction Of(MemoryPlan plan, LinkSpeed speed)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(speed);
        double copy = plan.StreamedBytesPerToken / speed.LinkBytesPerSecond;
        double compute = (plan.Layout.StepBytes + (plan.SessionBytes.CacheBytes / 2.0)) / speed.MemoryBytesPerSecond;
        return new(copy, compute, speed.SharesMemory ? copy + compute : Math.Max(copy, compute));
    }
}
