using Llama.Gpu.Measurement;

namespace Llama.Gpu.Bench;

/// <summary>One line of the result; what does not apply is null.</summary>
/// <param name="Case">Operation or ceiling.</param>
/// <param name="Device">Device it ran on.</param>
/// <param name="Type">Type of the stored operand.</param>
/// <param name="Shape">The shape.</param>
/// <param name="Seconds">Median time.</param>
/// <param name="BytesPerSecond">Bytes moved a second.</param>
/// <param name="FlopsPerSecond">Operations a second.</param>
/// <param name="LimitedBy">The ceiling it is held against.</param>
/// <param name="Share">Share of that ceiling.</param>
/// <param name="Problem">Why the case was not timed.</param>
internal sealed record BenchRow(
    string Case,
    string Device,
    string Type,
    string Shape,
    double? Seconds = null,
    double? BytesPerSecond = null,
    double? FlopsPerSecond = null,
    Ceiling? LimitedBy = null,
    double? Share = null,
    string? Problem = null);
