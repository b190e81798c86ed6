using System.Globalization;

namespace Llama.Gpu.Analysis.Report;

/// <summary>Numbers for people.</summary>
public static class Figures
{
    /// <summary>Four significant digits; an infinite number as its sign, and — for none.</summary>
    public static string Short(double value) => value switch
    {
        double.NaN => "—",
        double.PositiveInfinity => "∞",
        double.NegativeInfinity => "-∞",
        0 => "0",
        _ when Math.Abs(value) is >= 1e-3 and < 1e5 => Digits(value),
        _ => value.ToString("0.###e0", CultureInfo.InvariantCulture),
    };

    private static string Digits(double value)
    {
        int decimals = Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 6);
        return value.ToString("0." + new string('#', decimals), CultureInfo.InvariantCulture);
    }
}
