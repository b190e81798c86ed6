using Llama.Gpu.Kernels;
using Llama.Gpu.Measurement;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Measurement;

/// <summary>Times and ceilings taken in turns.</summary>
public sealed class PairedMeasurementTests
{
    [TestCase(new double[] { 3 }, 3)]
    [TestCase(new double[] { 9, 1, 2 }, 2)]
    [TestCase(new double[] { 4, 1, 100, 2 }, 3)]
    public void Median_is_the_middle(double[] values, double expected) =>
        Assert.That(PairedMeasurement.Median(values), Is.EqualTo(expected));

    [Test]
    public void Median_of_nothing_is_refused() => Assert.That(() => PairedMeasurement.Median([]), Throws.ArgumentException);

    // 100 bytes and 10 operations at 50 bytes and 100 operations a second: 2 s for the bytes, 0.1 s for the operations
    [TestCase(100, 10, Ceiling.Read, 50)]
    [TestCase(10, 1000, Ceiling.Arithmetic, 100)]
    public void Slower_ceiling_limits_the_work(int bytes, int flops, Ceiling limit, double ceiling)
    {
        using var probe = new FixedProbe(read: [50], multiplyAdd: [100]);
        var result = PairedMeasurement.Run(probe, new Cost(bytes, flops), rounds: 3, () => 20);
        Assert.That(result.LimitedBy, Is.EqualTo(limit));
        Assert.That(result.CeilingPerSecond, Is.EqualTo(ceiling));
        Assert.That(result.Share, Is.EqualTo(Math.Max(bytes / 50.0, flops / 100.0) / 20).Within(1e-12));
        Assert.That(result.BytesPerSecond, Is.EqualTo(bytes / 20.0));
        Assert.That(result.FlopsPerSecond, Is.EqualTo(flops / 20.0));
    }

    [Test]
    public void Share_is_taken_pair_by_pair()
    {
        // the first sample only tells which ceiling limits; then the machine halves its speed in the second and third pair
        using var probe = new FixedProbe(read: [1, 100, 50, 50], multiplyAdd: [1e9]);
        var times = new Queue<double>([2, 4, 4]);
        var result = PairedMeasurement.Run(probe, new Cost(100, 0), rounds: 3, times.Dequeue);
        Assert.That(result.Share, Is.EqualTo(0.5).Within(1e-12));
        Assert.That(result.Seconds, Is.EqualTo(4));
    }

    private sealed class FixedProbe(double[] read, double[] multiplyAdd) : CeilingProbe
    {
        private int _reads;
        private int _multiplyAdds;

        public override double Read() => read[Math.Min(_reads++, read.Length - 1)];

        public override double Copy() => throw new InvalidOperationException("nothing is held against copies");

        public override double MultiplyAdd() => multiplyAdd[Math.Min(_multiplyAdds++, multiplyAdd.Length - 1)];

        protected override void Dispose(bool disposing)
        {
        }
    }
}
