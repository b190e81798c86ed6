using System.Globalization;
using Llama.Gpu.Model;

namespace Llama.Gpu.Analysis.Report;

/// <summary>A token that may come next.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">What it stands for, or its id where there is no tokenizer.</param>
/// <param name="Probability">Softmax of its logit.</param>
public sealed record RankedToken(int Id, string Text, double Probability);

/// <summary>What a forward pass did with a prompt, as one HTML page with pictures.</summary>
/// <param name="Name">The model, for the title.</param>
/// <param name="Config">Its configuration.</param>
/// <param name="Tokens">The prompt's tokens as text.</param>
public sealed record AttentionReport(string Name, LlamaConfig Config, IReadOnlyList<string> Tokens)
{
    // cells of a weight below it are left out: they could not be told from paper
    private const double LeastWeight = 0.004;

    /// <summary>For the embedding and then each layer, the likeliest next tokens after the prompt's last.</summary>
    public required IReadOnlyList<IReadOnlyList<RankedToken>> Lens { get; init; }

    /// <summary>Attention weights, in the order in which they are to be shown.</summary>
    public required IReadOnlyList<AttentionMap> Maps { get; init; }

    /// <summary>How large the results of the steps were.</summary>
    public required IReadOnlyList<StepMagnitude> Magnitudes { get; init; }

    /// <summary>Writes the page.</summary>
    public void Write(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        using var page = new ReportPage(writer, $"What {Name} does with a prompt");
        page.Paragraph($"{Tokens.Count} tokens: {string.Join(" | ", Tokens)}");
        WriteLens(page);
        page.Heading(2, "Attention weights");
        page.Paragraph("A row is a token that looks, a column one that is looked at; rows sum to 1. The pointer tells the number.", "soft");
        foreach (IGrouping<int, AttentionMap> layer in Maps.GroupBy(map => map.Layer))
        {
            page.Heading(3, string.Create(CultureInfo.InvariantCulture, $"Layer {layer.Key}"));
            page.Figures(layer.Select(Draw));
        }

        WriteSteps(page);
    }

    private void WriteLens(ReportPage page)
    {
        page.Heading(2, "Logit lens");
        page.Paragraph(
            "The likeliest next tokens if the model stopped after a layer: its hidden state through the final norm and the output head. "
            + "After the last layer this is the model's own answer.",
            "soft");
        int ranks = Lens.Max(row => row.Count);
        page.Table(
            ["after", .. Enumerable.Range(1, ranks).Select(rank => string.Create(CultureInfo.InvariantCulture, $"{rank}."))],
            Lens.Select((row, i) => (IEnumerable<ReportCell>)
            [
                ReportCell.Text(AfterLayer(i - 1)),
                .. row.Select(token => ReportCell.Share(
                    string.Create(CultureInfo.InvariantCulture, $"{token.Text}  {token.Probability:0.000}"), token.Probability)),
            ]));
    }

    private void WriteSteps(ReportPage page)
    {
        page.Heading(2, "What each step computes");
        page.Table(
            ["step", "formula", "shape", "what for"],
            ForwardPassGuide.Of(Config, Tokens.Count).Select(step => (IEnumerable<ReportCell>)
            [
                ReportCell.Text(step.Step.ToString()), ReportCell.Code(step.Formula), ReportCell.Code(step.Shape), ReportCell.Text(step.Meaning),
            ]));
        if (Magnitudes.Count == 0)
        {
            return;
        }

        page.Heading(3, "How large the results are");
        page.Paragraph("Root of the mean of the squares over all elements, by step and layer.", "soft");
        int[] layers = [.. Magnitudes.Select(magnitude => magnitude.Layer).Where(layer => layer >= 0).Distinct().Order()];
        page.Table(
            ["step", "", .. layers.Select(layer => string.Create(CultureInfo.InvariantCulture, $"layer {layer}"))],
            Magnitudes.GroupBy(magnitude => magnitude.Step).OrderBy(step => step.Key).Select(step => (IEnumerable<ReportCell>)
            [
                ReportCell.Text(step.Key.ToString()),
                Cell(step, -1),
                .. layers.Select(layer => Cell(step, layer)),
            ]));
    }

    private static ReportCell Cell(IEnumerable<StepMagnitude> step, int layer) =>
        step.FirstOrDefault(magnitude => magnitude.Layer == layer) is { } found ? ReportCell.Number(found.RootMeanSquare) : ReportCell.Text(string.Empty);

    private static string AfterLayer(int layer) =>
        layer < 0 ? "the embedding" : string.Create(CultureInfo.InvariantCulture, $"layer {layer}");

    private string Draw(AttentionMap map)
    {
        double cell = Tokens.Count <= 24 ? 17 : Tokens.Count <= 64 ? 11 : 6;
        string title = string.Create(CultureInfo.InvariantCulture, $"Layer {map.Layer}, head {map.Head}");
        return new HeatMap(title, "looks", "is looked at", Tokens, Tokens)
        {
            Value = (row, column) => column <= row ? map[row, column] : null,
            Range = (0, 1),
            CellWidth = cell,
            CellHeight = cell,
            TurnsColumnLabels = true,
            LeastStrength = LeastWeight,
        }.Draw();
    }
}
