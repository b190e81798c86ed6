using Llama.Gpu.Analysis;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Analysis;

/// <summary>Metrics of singular values whose metrics are known.</summary>
public sealed class SpectralMetricsTests
{
    [Test]
    public void Equal_values_have_full_rank_and_entropy()
    {
        SpectralMetrics metrics = SpectralMetrics.Of([.. Enumerable.Repeat(0.5, 40)]);
        Assert.That(metrics.Top10Ratio, Is.EqualTo(0.25).Within(1e-15));
        Assert.That(metrics.Least10Ratio, Is.EqualTo(0.25).Within(1e-15));
        Assert.That(metrics.FirstLastRatio, Is.EqualTo(1));
        Assert.That(metrics.EffectiveRank, Is.EqualTo(40).Within(1e-12));
        Assert.That(metrics.StableRank, Is.EqualTo(40).Within(1e-12));
        Assert.That(metrics.SpectralEntropy, Is.EqualTo(1).Within(1e-14));
        Assert.That(metrics.ConditionNumber, Is.EqualTo(1));
    }

    [Test]
    public void Rank_of_four_counts_as_four()
    {
        SpectralMetrics metrics = SpectralMetrics.Of([3, 3, 3, 3, .. new double[12]]);
        Assert.That(metrics.Top10Ratio, Is.EqualTo(1));
        Assert.That(metrics.Least10Ratio, Is.Zero);
        Assert.That(metrics.FirstLastRatio, Is.EqualTo(double.PositiveInfinity));
        Assert.That(metrics.EffectiveRank, Is.EqualTo(4).Within(1e-12));
        Assert.That(metrics.StableRank, Is.EqualTo(4).Within(1e-12));
        Assert.That(metrics.SpectralEntropy, Is.EqualTo(0.5).Within(1e-14));
        Assert.That(metrics.ConditionNumber, Is.EqualTo(1));
    }

    [Test]
    public void Unequal_values_by_hand()
    {
        // shares 4/7, 2/7, 1/7 of the sum; 16/21, 4/21, 1/21 of the squares
        SpectralMetrics metrics = SpectralMetrics.Of([4, 2, 1]);
        double entropy = -((4 / 7.0 * Math.Log(4 / 7.0)) + (2 / 7.0 * Math.Log(2 / 7.0)) + (1 / 7.0 * Math.Log(1 / 7.0)));
        double ofSquares = -((16 / 21.0 * Math.Log(16 / 21.0)) + (4 / 21.0 * Math.Log(4 / 21.0)) + (1 / 21.0 * Math.Log(1 / 21.0)));
        Assert.That(metrics.EffectiveRank, Is.EqualTo(Math.Exp(entropy)).Within(1e-14));
        Assert.That(metrics.SpectralEntropy, Is.EqualTo(ofSquares / Math.Log(3)).Within(1e-14));
        Assert.That(metrics.StableRank, Is.EqualTo(21 / 16.0));
        Assert.That(metrics.FirstLastRatio, Is.EqualTo(4));
        Assert.That(metrics.Top10Ratio, Is.EqualTo(1), "all three are among the ten");
    }

    [Test]
    public void Nothing_but_zeros_has_no_metrics() =>
        Assert.That(SpectralMetrics.Of([0, 0]).Named().Select(metric => metric.Value), Is.All.NaN);

    [Test]
    public void One_value_is_no_entropy() => Assert.That(SpectralMetrics.Of([2]).SpectralEntropy, Is.Zero);
}
