using System.Globalization;
using Llama.Gpu.Cli.Output;
using Spectre.Console;

namespace Llama.Gpu.Bench.Comparison;

/// <summary>Ratios as a table for people or as one JSON object a line for programs.</summary>
internal static class RatioReport
{
    /// <summary>Writes a line of JSON.</summary>
    public static void WriteJson(TextWriter output, Ratio ratio) => JsonLine.Write(output, json =>
    {
        json.WriteString("case", ratio.Theirs.Case);
        json.WriteString("type", ratio.Theirs.Type);
        json.WriteString("shape", ratio.Theirs.Shape);
        json.WriteString("by", ratio.Theirs.By);
        json.WriteNumberOrNull("our_ms", ratio.Ours?.Milliseconds);
        json.WriteNumberOrNull("their_ms", ratio.Theirs.Milliseconds);
        json.WriteNumberOrNull("our_gb_per_s", ratio.Ours?.GigabytesPerSecond);
        json.WriteNumberOrNull("their_gb_per_s", ratio.Theirs.GigabytesPerSecond);
        json.WriteNumberOrNull("ratio", ratio.Value);
        json.WriteString("problem", ratio.Problem);
    });

    /// <summary>The table.</summary>
    public static Table Table(IEnumerable<Ratio> ratios)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("case", "type", "shape", "against");
        foreach (string number in (string[])["ours", "theirs", "ratio"])
        {
            table.AddColumn(new TableColumn(number).RightAligned());
        }

        foreach (Ratio ratio in ratios)
        {
            bool timed = ratio.Ours?.Milliseconds is not null && ratio.Theirs.Milliseconds is not null;
            string Amount(MeasuredCase? side) => side?.Problem is not null ? string.Empty
                : timed ? Text(side?.Milliseconds, "0.0000 ms") : side?.GigabytesPerSecond is null
                ? Text(side?.Milliseconds, "0.0000 ms") : Text(side.GigabytesPerSecond, "0.0 GB/s");
            string[] cells =
            [
                ratio.Theirs.Case, ratio.Theirs.Type, ratio.Theirs.Shape, ratio.Theirs.By ?? string.Empty,
                Amount(ratio.Ours), Amount(ratio.Theirs), ratio.Problem ?? Text(ratio.Value, "0.00"),
            ];
            table.AddRow([.. cells.Select(cell => new Text(cell))]);
        }

        return table;
    }

    private static string Text(double? number, string format) => number?.ToString(format, CultureInfo.InvariantCulture) ?? string.Empty;
}
