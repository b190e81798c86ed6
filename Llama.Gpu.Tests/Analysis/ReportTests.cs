using System.Globalization;
using System.Xml.Linq;
using Llama.Gpu.Analysis;
using Llama.Gpu.Analysis.Report;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Analysis;

/// <summary>Pictures and pages: what is drawn are the numbers, read back from the picture's own axes and labels.</summary>
public sealed class ReportTests
{
    private static readonly LlamaConfig Config = SyntheticPresets.Get("tiny");

    [TestCase(false)]
    [TestCase(true)]
    public void Points_of_a_line_are_its_values(bool logarithmic)
    {
        double[] values = [.. Enumerable.Range(0, 40).Select(i => logarithmic ? 3 * Math.Pow(0.7, i) : 2 - (0.04 * i))];
        XElement svg = XElement.Parse(LineChart.Draw("a < b & c", "rank", [new("one", values, "red"), new("two", [.. values.Select(value => value / 2)], "blue")]));
        Func<double, double> toValue = Scale(svg, "label y", logarithmic);
        XElement[] lines = [.. svg.Descendants("polyline").Where(line => (string)line.Attribute("class")! == "series")];
        Assert.That(lines, Has.Length.EqualTo(2));
        for (int line = 0; line < 2; line++)
        {
            double[] drawn = [.. Points(lines[line]).Select(point => toValue(point.Y))];
            double[] wanted = [.. values.Select(value => value / (line + 1))];
            Assert.That(drawn, Has.Length.EqualTo(40));
            for (int i = 0; i < 40; i++)
            {
                Assert.That(drawn[i], Is.EqualTo(wanted[i]).Within(logarithmic ? 2e-3 * wanted[i] : 2e-4), $"line {line}, point {i}");
            }
        }

        double[] across = [.. Points(lines[0]).Select(point => point.X)];
        Assert.That(across.Zip(across.Skip(1), (one, next) => next - one), Is.All.EqualTo((across[^1] - across[0]) / 39).Within(0.02));
        Assert.That(lines[0].Element("title")!.Value, Is.EqualTo($"one: from {Figures.Short(values[0])} to {Figures.Short(values[^1])}"));
        Assert.That(svg.Descendants("text").First().Value, Is.EqualTo("a < b & c"));
    }

    [Test]
    public void Cells_of_a_map_are_its_values()
    {
        double?[,] values = { { 1, 2, null }, { 5, 3, double.PositiveInfinity } };
        XElement svg = XElement.Parse(new HeatMap("map", "layer", "head", ["7", "8"], ["0", "1", "2"]) { Value = (row, column) => values[row, column] }.Draw());
        XElement[] cells = [.. svg.Descendants("rect").Where(cell => (string)cell.Attribute("class")! == "cell")];
        Assert.That(cells.Take(4).Select(cell => cell.Element("title")!.Value), Is.EqualTo(new[]
        {
            "layer 7, head 0: 1", "layer 7, head 1: 2", "layer 8, head 0: 5", "layer 8, head 1: 3",
        }));
        Assert.That(cells.Take(4).Select(cell => Number(cell, "fill-opacity")), Is.EqualTo(new[] { 0, 0.25, 1, 0.5 }));
        Assert.That(Number(cells[1], "x") - Number(cells[0], "x"), Is.EqualTo(16));
        Assert.That(Number(cells[2], "y") - Number(cells[0], "y"), Is.EqualTo(16));

        // all that is drawn lies within the picture
        double width = Number(svg, "width");
        Assert.That(svg.Descendants("rect").Select(rect => Number(rect, "x") + Number(rect, "width")), Is.All.LessThanOrEqualTo(width));
        Assert.That(svg.Descendants("text").Select(text => Number(text, "x") + (6.8 * text.Value.Length)), Is.All.LessThanOrEqualTo(width + 8 + (6.8 * 3)));
    }

    [Test]
    public void Spectrum_page_has_every_number_and_nothing_from_elsewhere()
    {
        HeadSpectrum[] spectra =
        [
            .. from layer in (int[])[0, 2]
               from matrix in HeadMatrices.Stored
               from head in Enumerable.Range(0, matrix.IsOfKeyValueHead() ? 2 : 4)
               select new HeadSpectrum(layer, matrix, head, [.. Enumerable.Range(0, 16).Select(i => (1 + layer + head) * Math.Pow(0.8 + (0.01 * (int)matrix), i))]),
        ];
        using var writer = new StringWriter();
        SpectrumReport.Write(writer, "<model>", Config, spectra);
        XElement page = Parse(writer.ToString());
        string[] tips = [.. page.Descendants("rect").Select(cell => cell.Element("title")?.Value).OfType<string>()];
        foreach (HeadSpectrum spectrum in spectra)
        {
            Assert.That(tips, Does.Contain($"layer {spectrum.Layer}, head {spectrum.Head}: {Figures.Short(spectrum.Metrics.StableRank)}"));
        }

        // two layers of four heads: a chart for each head, and one for each matrix, with a line for each of its heads
        string[] titles = [.. page.Descendants("svg").Select(svg => (string)svg.Attribute("aria-label")!)];
        Assert.That(titles, Does.Contain("Layer 2, head 3").And.Contain("k of layer 0, 2 heads").And.Contain("effective_rank of o"));
        Assert.That(page.Descendants("h1").Single().Value, Is.EqualTo("Singular values of <model>"));
        XElement keys = page.Descendants("svg").Single(svg => (string)svg.Attribute("aria-label")! == "Layer 2, head 3");
        Func<double, double> toValue = Scale(keys, "label y", logarithmic: false);
        XElement key = keys.Descendants("polyline").Where(line => (string)line.Attribute("class")! == "series").ElementAt(1);
        double first = spectra.Single(spectrum => spectrum is { Layer: 2, Matrix: HeadMatrix.Key, Head: 1 }).SingularValues[0];
        Assert.That(toValue(Points(key).First().Y), Is.EqualTo(first).Within(2e-3), "the KV head that query head 3 uses");
    }

    [Test]
    public void Attention_page_shows_weights_and_ranked_tokens()
    {
        var map = new AttentionMap(1, 3, 0, [[1], [0.25f, 0.75f], [0.5f, 0.5f, 0]]);
        var report = new AttentionReport("tiny", Config, ["a", "<b>", "\u0007\ud800"])
        {
            Lens = [[new(5, "x", 0.5), new(6, "&", 0.25)], [new(6, "&", 1)]],
            Maps = [map],
            Magnitudes = [new(DecoderStep.Embedding, -1, 0.5, 2), new(DecoderStep.Query, 0, 1.5, 3)],
        };
        using var writer = new StringWriter();
        report.Write(writer);
        XElement page = Parse(writer.ToString());
        XElement[] cells = [.. page.Descendants("svg").Single().Descendants("rect").Where(cell => cell.Element("title")?.Value.StartsWith("looks", StringComparison.Ordinal) == true)];
        Assert.That(cells.Select(cell => Number(cell, "fill-opacity")), Is.EqualTo(new[] { 1, 0.25, 0.75, 0.5, 0.5 }), "nothing above the diagonal, nothing for no weight");
        Assert.That(cells[2].Element("title")!.Value, Is.EqualTo("looks <b>, is looked at <b>: 0.75"));
        Assert.That(page.Descendants("td").Select(cell => cell.Value), Does.Contain("&  1.000").And.Contain("1.5").And.Contain("3 x 64"));
    }

    private static XElement Parse(string html)
    {
        Assert.That(html, Does.StartWith("<!DOCTYPE html>"));
        Assert.That(html, Does.Not.Contain("<script").And.Not.Contain("http:").And.Not.Contain("https:").And.Not.Contain("url("));
        Assert.That(html, Does.Contain("prefers-color-scheme: dark").And.Contain("@media print"));
        return XElement.Parse(html["<!DOCTYPE html>".Length..]);
    }

    // from two labels of the axis, as a reader would
    private static Func<double, double> Scale(XElement svg, string style, bool logarithmic)
    {
        var ticks = svg.Descendants("text")
            .Where(text => (string)text.Attribute("class")! == style)
            .Select(text => (Place: Number(text, "y") - 4, Value: double.Parse(text.Value, CultureInfo.InvariantCulture)))
            .ToArray();
        Assert.That(ticks, Has.Length.GreaterThanOrEqualTo(2));
        double From(double value) => logarithmic ? Math.Log10(value) : value;
        double slope = (From(ticks[^1].Value) - From(ticks[0].Value)) / (ticks[^1].Place - ticks[0].Place);
        return place =>
        {
            double value = From(ticks[0].Value) + ((place - ticks[0].Place) * slope);
            return logarithmic ? Math.Pow(10, value) : value;
        };
    }

    private static IEnumerable<(double X, double Y)> Points(XElement polyline) => ((string)polyline.Attribute("points")!).Split(' ').Select(point =>
    {
        string[] parts = point.Split(',');
        return (double.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture));
    });

    private static double Number(XElement element, string attribute) => double.Parse((string)element.Attribute(attribute)!, CultureInfo.InvariantCulture);
}
