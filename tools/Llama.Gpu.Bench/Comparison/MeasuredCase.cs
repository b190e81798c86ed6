using System.Text.Json;

namespace Llama.Gpu.Bench.Comparison;

/// <summary>One line of results, ours or a library's.</summary>
/// <param name="Case">Operation, ceiling, or a model's <c>prefill</c> or <c>decode</c>.</param>
/// <param name="Type">Type of the stored operand.</param>
/// <param name="Shape">The shape.</param>
/// <param name="By">The library that was measured; null for this one.</param>
/// <param name="Milliseconds">Median time.</param>
/// <param name="GigabytesPerSecond">Bytes moved a second.</param>
/// <param name="Problem">Why there is no time.</param>
public sealed record MeasuredCase(
    string Case, string Type, string Shape, string? By, double? Milliseconds, double? GigabytesPerSecond, string? Problem)
{
    /// <summary>The cases in a file of JSON lines; other objects, without a case and a shape, are passed over.</summary>
    /// <exception cref="ComparisonException">A line is no JSON object, or a field has another type.</exception>
    public static IEnumerable<MeasuredCase> Read(string file, IEnumerable<string> lines)
    {
        ArgumentNullException.ThrowIfNull(lines);
        int number = 0;
        foreach (string line in lines)
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line) && Parse(file, number, line) is { } found)
            {
                yield return found;
            }
        }
    }

    private static MeasuredCase? Parse(string file, int number, string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new ComparisonException(file, number, $"expected a JSON object, found {root.ValueKind}");
            }

            string? Text(string name) => root.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;
            double? Number(string name) =>
                root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetDouble() : null;
            return Text("case") is string name && Text("shape") is string shape
                ? new(name, Text("type") ?? string.Empty, shape, Text("by"), Number("median_ms"), Number("gb_per_s"), Text("problem"))
                : null;
        }
        catch (JsonException exception)
        {
            throw new ComparisonException(file, number, $"expected JSON, found {exception.Message}", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new ComparisonException(file, number, exception.Message, exception);
        }
    }
}
