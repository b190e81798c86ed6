using System.Globalization;
using Llama.Gpu.Measurement;

namespace Llama.Gpu.Cli.Output;

/// <summary>How near a streamed model comes to what bounds it.</summary>
internal static class StreamingReport
{
    public static void WriteJson(CliConsole console, StreamingResult result, string device, string type) => JsonLine.Write(console.Out, json =>
    {
        json.WriteString("case", "streaming");
        json.WriteString("device", device);
        json.WriteString("type", type);
        json.WriteNumber("streamed_bytes_per_token", result.StreamedBytes);
        json.WriteNumber("copy_bytes_per_second", result.CopyBytesPerSecond);
        json.WriteNumber("copy_seconds_per_token", result.CopySeconds);
        json.WriteNumberOrNull("resident_seconds_per_token", result.ResidentSeconds);
        json.WriteNumberOrNull("side_by_side_seconds_per_token", result.SideBySideSeconds);
        json.WriteNumber("seconds_per_token", result.Seconds);
        json.WriteNumber("times_bound", result.TimesBound);
        json.WriteNumberOrNull("share_of_side_by_side", result.ShareOfSideBySide);
    });

    public static void WriteTable(CliConsole console, StreamingResult result)
    {
        var table = Tables.New("a token", "seconds");
        table.Add("copying alone, at " + Text(result.CopyBytesPerSecond / 1e9, "0.00") + " GB/s", Text(result.CopySeconds, "0.0000"));
        table.Add("computing alone, resident", result.ResidentSeconds is double resident ? Text(resident, "0.0000") : "no memory for that");
        if (result.SideBySideSeconds is double both)
        {
            table.Add("both at once, without waiting for each other", Text(both, "0.0000"));
        }

        table.Add("streamed", Text(result.Seconds, "0.0000"));
        table.Add("streamed, times the larger of the two alone", Text(result.TimesBound, "0.00"));
        if (result.ShareOfSideBySide is double share)
        {
            table.Add("share of what both at once reach", Text(share, "0.00"));
        }

        Tables.Write(console, table);
    }

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
