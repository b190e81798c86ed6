using System.Globalization;

namespace Llama.Gpu.Analysis.Report;

/// <summary>Turns values into places along a line: evenly, or by their logarithm.</summary>
internal sealed class Axis
{
    private const int MostTicks = 6;

    private readonly double _low;
    private readonly double _high;
    private readonly double _from;
    private readonly double _to;

    private Axis(bool isLogarithmic, double low, double high, double from, double to)
    {
        IsLogarithmic = isLogarithmic;
        (_low, _high, _from, _to) = (low, high, from, to);
    }

    /// <summary>Whether equal distances are equal ratios.</summary>
    public bool IsLogarithmic { get; }

    /// <summary>An axis for values of 0 and more: by their logarithm if they span more than two decades, else from 0.</summary>
    /// <param name="values">The values.</param>
    /// <param name="from">Place of the lowest.</param>
    /// <param name="to">Place of the highest.</param>
    public static Axis For(IEnumerable<double> values, double from, double to)
    {
        double[] positive = [.. values.Where(value => double.IsFinite(value) && value > 0)];
        if (positive.Length == 0)
        {
            return new(false, 0, 1, from, to);
        }

        double low = positive.Min();
        double high = positive.Max();
        return high > 100 * low
            ? new(true, Math.Floor(Math.Log10(low)), Math.Ceiling(Math.Log10(high)), from, to)
            : new(false, 0, high, from, to);
    }

    /// <summary>An axis of counted things, from 1.</summary>
    public static Axis OfRanks(int count, double from, double to) => new(false, 1, Math.Max(count, 2), from, to);

    /// <summary>Where a value stands; what lies below the axis stands at its beginning.</summary>
    public double Place(double value)
    {
        double position = IsLogarithmic ? (value > 0 ? Math.Log10(value) : _low) : value;
        return _from + ((Math.Max(position, _low) - _low) / (_high - _low) * (_to - _from));
    }

    /// <summary>Round values along the axis.</summary>
    public IEnumerable<(double Value, string Label)> Ticks()
    {
        double step = IsLogarithmic ? Math.Max(1, Math.Ceiling((_high - _low) / MostTicks)) : RoundStep((_high - _low) / MostTicks);
        for (double tick = Math.Ceiling(_low / step) * step; tick <= _high * (1 + 1e-9) || (IsLogarithmic && tick <= _high); tick += step)
        {
            double value = IsLogarithmic ? Math.Pow(10, tick) : tick;
            yield return (value, IsLogarithmic ? $"1e{tick.ToString("0", CultureInfo.InvariantCulture)}" : value.ToString("0.####", CultureInfo.InvariantCulture));
        }
    }

    // 1, 2 or 5 times a power of ten
    private static double RoundStep(double step)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(step)));
        double digits = step / power;
        return power * (digits <= 1 ? 1 : digits <= 2 ? 2 : digits <= 5 ? 5 : 10);
    }
}
