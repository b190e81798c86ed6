namespace Llama.Gpu.Analysis.Report;

/// <summary>A line of a chart.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Values">Values at 1, 2, ...</param>
/// <param name="Colour">A CSS colour.</param>
internal sealed record Series(string Name, IReadOnlyList<double> Values, string Colour);

/// <summary>Values by their rank, as lines.</summary>
internal static class LineChart
{
    private const double Width = 440;
    private const double Height = 270;
    private const double Left = 58;
    private const double Right = 14;
    private const double Top = 46;
    private const double Bottom = 40;
    private const double CharacterWidth = 7.2;
    private const double KeyWidth = 34;

    /// <summary>Draws a chart.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="across">What the ranks are.</param>
    /// <param name="series">The lines; if their names do not fit, only the first and the last are named.</param>
    public static string Draw(string title, string across, IReadOnlyList<Series> series)
    {
        using var picture = new SvgPicture(Width, Height, title);
        int ranks = series.Max(line => line.Values.Count);
        Axis x = Axis.OfRanks(ranks, Left, Width - Right);
        Axis y = Axis.For(series.SelectMany(line => line.Values), Height - Bottom, Top);
        picture.Text(Left, 16, title, style: "title");
        foreach (var (value, label) in y.Ticks())
        {
            picture.Line(Left, y.Place(value), Width - Right, y.Place(value), "grid");
            picture.Text(Left - 6, y.Place(value) + 4, label, "end", "label y");
        }

        foreach (var (value, label) in (IEnumerable<(double, string)>)[(1, "1"), .. x.Ticks().Where(tick => tick.Value > 1)])
        {
            picture.Text(x.Place(value), Height - Bottom + 16, label, "middle", "label x");
        }

        picture.Frame(Left, Top, Width - Left - Right, Height - Bottom - Top);
        picture.Text((Left + Width - Right) / 2, Height - 6, y.IsLogarithmic ? $"{across} (values on a logarithmic scale)" : across, "middle");
        foreach (Series line in series)
        {
            string tip = $"{line.Name}: from {Figures.Short(line.Values[0])} to {Figures.Short(line.Values[^1])}";
            picture.Polyline(line.Values.Select((value, i) => (x.Place(i + 1), y.Place(value))), "series", line.Colour, tip);
        }

        Legend(picture, series);
        return picture.Close();
    }

    private static void Legend(SvgPicture picture, IReadOnlyList<Series> series)
    {
        double x = Left;
        bool fits = series.Sum(line => KeyWidth + (line.Name.Length * CharacterWidth)) <= Width - Left;
        IEnumerable<Series> named = fits ? series : [series[0], series[^1] with { Name = $"to {series[^1].Name}" }];
        foreach (Series line in named)
        {
            picture.Polyline([(x, 31), (x + 16, 31)], "key", line.Colour, line.Name);
            picture.Text(x + 20, 35, line.Name);
            x += KeyWidth + (line.Name.Length * CharacterWidth);
        }
    }
}
