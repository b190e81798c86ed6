namespace Llama.Gpu.Analysis.Report;

/// <summary>Values over rows and columns, the larger the stronger.</summary>
/// <param name="Title">Its title.</param>
/// <param name="RowName">What rows are.</param>
/// <param name="ColumnName">What columns are.</param>
/// <param name="Rows">A label for each row.</param>
/// <param name="Columns">A label for each column.</param>
internal sealed record HeatMap(string Title, string RowName, string ColumnName, IReadOnlyList<string> Rows, IReadOnlyList<string> Columns)
{
    private const double CharacterWidth = 6.8;
    private const double LabelHeight = 13;

    /// <summary>The value of a cell; null where there is none.</summary>
    public required Func<int, int, double?> Value { get; init; }

    /// <summary>What stands for no colour and for full colour; null for the smallest and the largest value.</summary>
    public (double Low, double High)? Range { get; init; }

    /// <summary>Width of a cell.</summary>
    public double CellWidth { get; init; } = 16;

    /// <summary>Height of a cell.</summary>
    public double CellHeight { get; init; } = 16;

    /// <summary>Whether columns' labels are turned, for those that are longer than a cell is wide.</summary>
    public bool TurnsColumnLabels { get; init; }

    /// <summary>Cells that are as good as none are left out, to keep a page of many maps small.</summary>
    public double LeastStrength { get; init; }

    /// <summary>Draws it.</summary>
    public string Draw()
    {
        double left = 30 + (CharacterWidth * Rows.Max(label => label.Length));
        double top = 42 + (TurnsColumnLabels ? CharacterWidth * Columns.Max(label => label.Length) : LabelHeight);
        double bottom = top + (CellHeight * Rows.Count);
        (double low, double high) = Range ?? Extent();
        double scale = 100 + (CharacterWidth * (Figures.Short(low).Length + Figures.Short(high).Length));
        double width = Math.Max(left + Math.Max(CellWidth * Columns.Count, scale) + 16, 8 * (Title.Length + 3));
        using var picture = new SvgPicture(width, bottom + 34, Title);
        picture.Text(12, 16, Title, style: "title");
        picture.Text(left, 34, ColumnName);
        picture.Text(14, bottom, RowName, turn: -90);
        Labels(picture, left, top);
        for (int row = 0; row < Rows.Count; row++)
        {
            for (int column = 0; column < Columns.Count; column++)
            {
                if (Value(row, column) is not { } value)
                {
                    continue;
                }

                double strength = high > low ? Math.Clamp((value - low) / (high - low), 0, 1) : 1;
                if (double.IsFinite(value) && strength >= LeastStrength)
                {
                    string tip = $"{RowName} {Rows[row]}, {ColumnName} {Columns[column]}: {Figures.Short(value)}";
                    picture.Cell(left + (column * CellWidth), top + (row * CellHeight), CellWidth, CellHeight, strength, tip);
                }
            }
        }

        picture.Frame(left, top, CellWidth * Columns.Count, CellHeight * Rows.Count);
        Scale(picture, left, bottom + 10, low, high);
        return picture.Close();
    }

    private void Labels(SvgPicture picture, double left, double top)
    {
        for (int row = 0; row < Rows.Count; row += Every(LabelHeight, CellHeight))
        {
            picture.Text(left - 5, top + ((row + 0.5) * CellHeight) + 4, Rows[row], "end", "label row");
        }

        double needed = TurnsColumnLabels ? LabelHeight : CharacterWidth * (1 + Columns.Max(label => label.Length));
        for (int column = 0; column < Columns.Count; column += Every(needed, CellWidth))
        {
            double x = left + ((column + 0.5) * CellWidth);
            if (TurnsColumnLabels)
            {
                picture.Text(x + 4, top - 5, Columns[column], style: "label column", turn: -90);
            }
            else
            {
                picture.Text(x, top - 5, Columns[column], "middle", "label column");
            }
        }
    }

    private static int Every(double needed, double size) => Math.Max(1, (int)Math.Ceiling(needed / size));

    private static void Scale(SvgPicture picture, double x, double y, double low, double high)
    {
        const int Steps = 5;
        const double Step = 12;
        string least = Figures.Short(low);
        picture.Text(x, y + 10, least);
        x += (CharacterWidth * least.Length) + 6;
        for (int i = 0; i <= Steps; i++)
        {
            picture.Cell(x + (i * Step), y, Step, 12, (double)i / Steps, Figures.Short(low + ((high - low) * i / Steps)));
        }

        picture.Frame(x, y, Step * (Steps + 1), 12);
        picture.Text(x + (Step * (Steps + 1)) + 6, y + 10, Figures.Short(high));
    }

    private (double Low, double High) Extent()
    {
        double[] values =
        [
            .. from row in Enumerable.Range(0, Rows.Count)
               from column in Enumerable.Range(0, Columns.Count)
               let value = Value(row, column)
               where value is { } number && double.IsFinite(number)
               select value.Value,
        ];
        return values.Length == 0 ? (0, 1) : (values.Min(), values.Max());
    }
}
