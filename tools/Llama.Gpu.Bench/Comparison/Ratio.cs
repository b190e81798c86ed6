namespace Llama.Gpu.Bench.Comparison;

/// <summary>This library beside another at one case.</summary>
/// <param name="Ours">Ours, or null where it was not measured.</param>
/// <param name="Theirs">The library's.</param>
public sealed record Ratio(MeasuredCase? Ours, MeasuredCase Theirs)
{
    private const string DecodeCase = "decode";
    private const string CopyShape = "stream copy";

    /// <summary>How many times as fast as the library this one is: by time, or by bytes a second where no time was taken.</summary>
    public double? Value =>
        Ours?.Problem is not null ? null
        : Ours?.Milliseconds is double ours && Theirs.Milliseconds is double theirs ? theirs / ours
        : Ours?.GigabytesPerSecond / Theirs.GigabytesPerSecond;

    /// <summary>Why there is no ratio; null where there is one.</summary>
    public string? Problem =>
        Theirs.Problem is string theirs ? $"{Theirs.By}: {theirs}"
        : Ours is null ? "not measured here"
        : Ours.Problem ?? (Value is null ? "no time and no bytes a second on both sides" : null);

    /// <summary>
    /// A line for each case of a library, in its order; then our decoding's bytes of weights a second by those of the library's copy within
    /// the device, which is what decoding is held against. A case that is measured twice counts as measured last.
    /// </summary>
    public static IReadOnlyList<Ratio> Of(IEnumerable<MeasuredCase> cases)
    {
        ArgumentNullException.ThrowIfNull(cases);
        MeasuredCase[] all = [.. cases];
        var ours = new Dictionary<(string, string, string), MeasuredCase>();
        foreach (MeasuredCase found in all.Where(found => found.By is null))
        {
            ours[(found.Case, found.Type, found.Shape)] = found;
        }

        MeasuredCase[] theirs =
        [
            .. all.Where(found => found.By is not null)
                .GroupBy(found => (found.By, found.Case, found.Type, found.Shape))
                .Select(group => group.Last()),
        ];
        MeasuredCase? copy = Array.Find(theirs, found => found is { Shape: CopyShape, GigabytesPerSecond: not null });
        return
        [
            .. theirs.Select(found => new Ratio(ours.GetValueOrDefault((found.Case, found.Type, found.Shape)), found)),
            .. copy is null
                ? []
                : from found in ours.Values where found is { Case: DecodeCase, GigabytesPerSecond: not null } select OfBandwidth(found, copy),
        ];
    }

    private static Ratio OfBandwidth(MeasuredCase decode, MeasuredCase copy) => new(
        decode with { Case = "decode, weights", Milliseconds = null },
        copy with { Case = "decode, weights", Shape = decode.Shape, Type = decode.Type, By = $"{copy.By}'s copy", Milliseconds = null });
}
