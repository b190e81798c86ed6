namespace Llama.Gpu.Measurement;

/// <summary>A piece of work as measured beside the ceiling that limits it.</summary>
/// <param name="Cost">What the work has to do at least.</param>
/// <param name="Seconds">Time it took; the median.</param>
/// <param name="LimitedBy">The ceiling that a perfect device would hit first.</param>
/// <param name="CeilingPerSecond">That ceiling, in bytes or operations a second; the median.</param>
/// <param name="Share">Time at the ceiling by time taken, each pair taken in the same moment; the median. Above 1 where operands stay in a cache.</param>
public sealed record PairedResult(Cost Cost, double Seconds, Ceiling LimitedBy, double CeilingPerSecond, double Share)
{
    /// <summary>Bytes a second that the work moved at least.</summary>
    public double BytesPerSecond => Cost.Bytes / Seconds;

    /// <summary>Operations a second.</summary>
    public double FlopsPerSecond => Cost.Flops / Seconds;
}

/// <summary>Times work and a device's ceiling in turns, so that what else the machine does touches both.</summary>
public static class PairedMeasurement
{
    // workers of the host's accelerator spin for a while after a launch: the probe wants the cores for itself
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(3);

    /// <summary>Measures.</summary>
    /// <param name="probe">The device's ceilings.</param>
    /// <param name="cost">What the work has to do at least.</param>
    /// <param name="rounds">Pairs to take; at least 1.</param>
    /// <param name="seconds">Does the work once and tells how long it took.</param>
    /// <param name="cancellationToken">Checked before each round.</param>
    public static PairedResult Run(
        CeilingProbe probe, Cost cost, int rounds, Func<double> seconds, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(probe);
        ArgumentNullException.ThrowIfNull(seconds);
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        Thread.Sleep(Settle);
        bool reads = cost.Bytes / probe.Read() >= cost.Flops / probe.MultiplyAdd();
        var times = new double[rounds];
        var ceilings = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Thread.Sleep(Settle);
            ceilings[round] = reads ? probe.Read() : probe.MultiplyAdd();
            times[round] = seconds();
        }

        double work = reads ? cost.Bytes : cost.Flops;
        return new PairedResult(
            cost,
            Median(times),
            reads ? Ceiling.Read : Ceiling.Arithmetic,
            Median(ceilings),
            Median(times.Zip(ceilings, (time, ceiling) => work / (time * ceiling))));
    }

    /// <summary>The middle value; the mean of the two in the middle where their number is even.</summary>
    /// <exception cref="ArgumentException">No values.</exception>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length > 0
            ? (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2
            : throw new ArgumentException("expected at least one value, found none", nameof(values));
    }
}
