namespace Llama.Gpu.Analysis;

/// <summary>What a matrix' singular values say in a few numbers. NaN where all singular values are 0.</summary>
/// <param name="Top10Ratio">Sum of the 10 largest over the sum of all.</param>
/// <param name="FirstLastRatio">Largest over smallest; infinite where the smallest is 0.</param>
/// <param name="Least10Ratio">Sum of the 10 smallest over the sum of all.</param>
/// <param name="EffectiveRank">
/// e to the entropy of the singular values over their sum (Roy and Vetterli, The effective rank, 2007): from 1 to their number.
/// </param>
/// <param name="StableRank">Sum of the squares over the largest square: from 1 to their number.</param>
/// <param name="SpectralEntropy">
/// Entropy of the squares over their sum, over its largest possible value (Alter, Brown and Botstein, 2000): from 0, one value, to 1, all alike.
/// </param>
/// <param name="ConditionNumber">Largest over smallest that is not 0: the norm of the matrix times that of its pseudoinverse.</param>
public readonly record struct SpectralMetrics(
    double Top10Ratio,
    double FirstLastRatio,
    double Least10Ratio,
    double EffectiveRank,
    double StableRank,
    double SpectralEntropy,
    double ConditionNumber)
{
    private const int Few = 10;

    /// <summary>Name and value of each, in their order; the names as JSON and CSV have them.</summary>
    public IEnumerable<(string Name, double Value)> Named() =>
    [
        ("top10_ratio", Top10Ratio),
        ("first_last_ratio", FirstLastRatio),
        ("least10_ratio", Least10Ratio),
        ("effective_rank", EffectiveRank),
        ("stable_rank", StableRank),
        ("spectral_entropy", SpectralEntropy),
        ("condition_number", ConditionNumber),
    ];

    /// <summary>The metrics of singular values.</summary>
    /// <param name="values">At least one; largest first.</param>
    public static SpectralMetrics Of(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfZero(values.Count, nameof(values));
        double largest = values[0];
        double sum = values.Sum();
        double squares = values.Sum(value => value * value);
        double smallestNonZero = values.LastOrDefault(value => value > 0, double.NaN);
        return new(
            values.Take(Few).Sum() / sum,
            largest / values[^1],
            values.TakeLast(Few).Sum() / sum,
            largest > 0 ? Math.Exp(Entropy(values.Select(value => value / sum))) : double.NaN,
            squares / (largest * largest),
            largest > 0 ? (values.Count == 1 ? 0 : Entropy(values.Select(value => value * value / squares)) / Math.Log(values.Count)) : double.NaN,
            largest / smallestNonZero);
    }

    private static double Entropy(IEnumerable<double> shares) => -shares.Where(share => share > 0).Sum(share => share * Math.Log(share));
}
