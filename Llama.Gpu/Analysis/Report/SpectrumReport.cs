using System.Globalization;
using Llama.Gpu.Model;

namespace Llama.Gpu.Analysis.Report;

/// <summary>Singular values and their metrics as one HTML page with pictures.</summary>
public static class SpectrumReport
{
    // beyond it, the reader chose "all" and not these
    private const int MostChosenHeads = 4;

    private static readonly (string Name, string Meaning)[] Meanings =
    [
        ("top10_ratio", "sum of the 10 largest singular values over the sum of all"),
        ("first_last_ratio", "largest over smallest; infinite where the smallest is 0"),
        ("least10_ratio", "sum of the 10 smallest over the sum of all"),
        ("effective_rank", "e to the entropy of the singular values over their sum: from 1 to their number"),
        ("stable_rank", "sum of the squares over the largest square: from 1 to their number"),
        ("spectral_entropy", "entropy of the squares over their sum, from 0 (one value) to 1 (all alike)"),
        ("condition_number", "largest over smallest that is not 0"),
    ];

    /// <summary>Writes the page.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="name">The model, for the title.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="spectra">What <see cref="SpectralAnalysis"/> found; at least one.</param>
    public static void Write(TextWriter writer, string name, LlamaConfig config, IReadOnlyList<HeadSpectrum> spectra)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(spectra);
        ArgumentOutOfRangeException.ThrowIfZero(spectra.Count, nameof(spectra));
        using var page = new ReportPage(writer, $"Singular values of {name}");
        page.Paragraph(string.Create(
            CultureInfo.InvariantCulture,
            $"{config.LayerCount} layers, {config.HeadCount} heads of width {config.HeadDim}, {config.KeyValueHeadCount} of keys and values, hidden size {config.HiddenSize}. ")
            + "q, k and v: a head's rows of the projection; o: its columns; qk and ov: the products of a head's two matrices.");
        page.Heading(2, "Metrics over layers and heads");
        page.Paragraph("Each map from its smallest value (pale) to its largest (strong); the pointer tells the number.", "soft");
        int[] layers = [.. spectra.Select(spectrum => spectrum.Layer).Distinct().Order()];
        HeadMatrix[] matrices = [.. spectra.Select(spectrum => spectrum.Matrix).Distinct().Order()];
        ILookup<(int Layer, HeadMatrix Matrix), HeadSpectrum> lookup = spectra.ToLookup(spectrum => (spectrum.Layer, spectrum.Matrix));
        for (int metric = 0; metric < Meanings.Length; metric++)
        {
            page.Heading(3, Meanings[metric].Name);
            page.Paragraph(Meanings[metric].Meaning, "soft");
            page.Figures(matrices.Select(matrix => MetricMap(metric, matrix, layers, spectra)));
        }

        foreach (int layer in layers)
        {
            page.Heading(2, string.Create(CultureInfo.InvariantCulture, $"Layer {layer}"));
            page.Figures([.. OneHead(layer, matrices, config, lookup), .. matrices.Select(matrix => AllHeads(layer, matrix, lookup))]);
        }
    }

    private static string MetricMap(int metric, HeadMatrix matrix, int[] layers, IReadOnlyList<HeadSpectrum> spectra)
    {
        HeadSpectrum[] ofMatrix = [.. spectra.Where(spectrum => spectrum.Matrix == matrix)];
        int[] heads = [.. ofMatrix.Select(spectrum => spectrum.Head).Distinct().Order()];
        var values = ofMatrix.ToDictionary(spectrum => (spectrum.Layer, spectrum.Head), spectrum => spectrum.Metrics.Named().ElementAt(metric).Value);
        return new HeatMap($"{Meanings[metric].Name} of {matrix.Name()}", "layer", "head", Labels(layers), Labels(heads))
        {
            Value = (row, column) => values.TryGetValue((layers[row], heads[column]), out double value) ? value : null,
        }.Draw();
    }

    // k and v are those of the KV head that the head uses
    private static IEnumerable<string> OneHead(
        int layer, HeadMatrix[] matrices, LlamaConfig config, ILookup<(int Layer, HeadMatrix Matrix), HeadSpectrum> lookup)
    {
        int[] heads = [.. matrices.Where(matrix => !matrix.IsOfKeyValueHead()).SelectMany(matrix => lookup[(layer, matrix)]).Select(spectrum => spectrum.Head).Distinct().Order()];
        bool perQueryHead = matrices.Where(HeadMatrices.IsOfKeyValueHead).SelectMany(matrix => lookup[(layer, matrix)]).Any(spectrum => spectrum.Head >= config.KeyValueHeadCount);
        int sharing = perQueryHead ? 1 : config.HeadCount / config.KeyValueHeadCount;
        foreach (int head in heads.Length <= MostChosenHeads ? heads : heads.Take(1))
        {
            Series[] series =
            [
                .. from matrix in matrices
                   let wanted = matrix.IsOfKeyValueHead() ? head / sharing : head
                   from spectrum in lookup[(layer, matrix)]
                   where spectrum.Head == wanted
                   select new Series(matrix.Name(), spectrum.SingularValues, $"var(--c{(int)matrix})"),
            ];
            yield return LineChart.Draw(
                string.Create(CultureInfo.InvariantCulture, $"Layer {layer}, head {head}"), "singular values by rank", series);
        }
    }

    private static string AllHeads(int layer, HeadMatrix matrix, ILookup<(int Layer, HeadMatrix Matrix), HeadSpectrum> lookup)
    {
        HeadSpectrum[] heads = [.. lookup[(layer, matrix)].OrderBy(spectrum => spectrum.Head)];
        Series[] series =
        [
            .. heads.Select((spectrum, i) => new Series(
                string.Create(CultureInfo.InvariantCulture, $"head {spectrum.Head}"),
                spectrum.SingularValues,
                string.Create(CultureInfo.InvariantCulture, $"hsl({200 + (180 * i / Math.Max(1, heads.Length - 1))} 65% 52%)"))),
        ];
        return LineChart.Draw(
            string.Create(CultureInfo.InvariantCulture, $"{matrix.Name()} of layer {layer}, {heads.Length} heads"), "singular values by rank", series);
    }

    private static string[] Labels(int[] numbers) => [.. numbers.Select(number => number.ToString(CultureInfo.InvariantCulture))];
}
