using System.Globalization;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Measurement;
using Spectre.Console;

namespace Llama.Gpu.Bench;

/// <summary>Results as a table for people or as one JSON object a line for programs.</summary>
internal static class Report
{
    private const int UnwatchedWidth = 200;

    /// <summary>Writes a line of JSON.</summary>
    public static void WriteJson(TextWriter output, BenchRow row) => JsonLine.Write(output, json =>
    {
        json.WriteString("case", row.Case);
        json.WriteString("device", row.Device);
        json.WriteString("type", row.Type);
        json.WriteString("shape", row.Shape);
        json.WriteNumberOrNull("median_ms", row.Seconds * 1e3);
        json.WriteNumberOrNull("gb_per_s", row.BytesPerSecond / 1e9);
        json.WriteNumberOrNull("gflop_per_s", row.FlopsPerSecond / 1e9);
        json.WriteString("ceiling", NameOf(row.LimitedBy));
        json.WriteNumberOrNull("share", row.Share);
        json.WriteString("problem", row.Problem);
    });

    /// <summary>Writes a table.</summary>
    public static void WriteTable(IEnumerable<BenchRow> rows)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("case", "device", "type", "shape");
        foreach (string number in (string[])["median ms", "GB/s", "GFLOP/s", "of ceiling"])
        {
            table.AddColumn(new TableColumn(number).RightAligned());
        }

        foreach (BenchRow row in rows)
        {
            string share = row.Problem ?? (row.Share is double value ? Text(value, "0.00") + " " + NameOf(row.LimitedBy) : string.Empty);
            string[] cells =
            [
                row.Case, row.Device, row.Type, row.Shape,
                Text(row.Seconds * 1e3, "0.0000"), Text(row.BytesPerSecond / 1e9, "0.0"), Text(row.FlopsPerSecond / 1e9, "0.0"), share,
            ];
            table.AddRow([.. cells.Select(cell => new Text(cell))]);
        }

        Write(table);
    }

    /// <summary>Writes any table, at its own width where nobody watches.</summary>
    public static void Write(Table table)
    {
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = UnwatchedWidth;
        }

        AnsiConsole.Write(table);
    }

    private static string Text(double? number, string format) => number?.ToString(format, CultureInfo.InvariantCulture) ?? string.Empty;

    private static string? NameOf(Ceiling? ceiling) => ceiling switch
    {
        null => null,
        Ceiling.Read => "read",
        _ => "multiply-add",
    };
}
