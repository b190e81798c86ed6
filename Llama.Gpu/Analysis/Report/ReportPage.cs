using System.Net;

namespace Llama.Gpu.Analysis.Report;

/// <summary>
/// An HTML page that stands alone: no script, no font, nothing from the network. Light or dark as the reader has it, light in print.
/// It is well-formed XML but for the document type.
/// </summary>
internal sealed class ReportPage : IDisposable
{
    private const string Style = """
        :root { color-scheme: light dark; --paper: #ffffff; --ink: #1a1e23; --soft: #56606b; --grid: #dfe3e8; --heat: #0b57b0;
          --c0: #0b62c4; --c1: #c2410c; --c2: #15803d; --c3: #7e22ce; --c4: #a16207; --c5: #be185d; }
        @media screen and (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e8ebee; --soft: #a3adb8; --grid: #343b44;
          --heat: #63aaff; --c0: #6cb2ff; --c1: #ff9a62; --c2: #5fd38a; --c3: #c79bff; --c4: #e5c158; --c5: #ff8fc0; } }
        body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1400px;
          padding: 0 1.5rem; }
        h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; } h3 { font-size: 1.05rem; margin: 1.2rem 0 .3rem; }
        p { max-width: 60rem; } .soft { color: var(--soft); }
        .figures { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: flex-start; }
        figure { margin: 0; } svg { max-width: 100%; height: auto; display: block; } .wide { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th, td { padding: .2rem .7rem; text-align: left;
          border-bottom: 1px solid var(--grid); vertical-align: top; } td.number, th.number { text-align: right; } code { font-size: .95em; }
        td.heat { position: relative; } td.heat span.fill { position: absolute; inset: 0; background: var(--heat); } td.heat span.text { position: relative; }
        svg text { font: 12px system-ui, sans-serif; fill: var(--soft); } svg text.title { font-size: 14px; font-weight: 600; fill: var(--ink); }
        svg .row, svg .column { font-family: ui-monospace, monospace; font-size: 11px; fill: var(--ink); }
        .grid { stroke: var(--grid); stroke-width: 1; } .frame { fill: none; stroke: var(--soft); stroke-width: 1; }
        .series { fill: none; stroke-width: 1.5; } .key { fill: none; stroke-width: 3; } .cell { fill: var(--heat); }
        @media print { body { margin: 0; max-width: none; padding: 0; font-size: 10pt; } figure, tr { break-inside: avoid; }
          .figures { display: block; orphans: 1; widows: 1; } figure { display: inline-block; margin: 0 1rem .6rem 0; vertical-align: top; }
          h2, h3, .soft { break-after: avoid; }
          svg, td.heat { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
        """;

    private readonly TextWriter _writer;

    /// <summary>Begins a page.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="title">Its title and heading.</param>
    public ReportPage(TextWriter writer, string title)
    {
        _writer = writer;
        _writer.Write($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>{Escape(title)}</title>
            <style>
            {Style}
            </style>
            </head>
            <body>
            <h1>{Escape(title)}</h1>

            """);
    }

    /// <summary>Text as it stands in HTML.</summary>
    public static string Escape(string text) => WebUtility.HtmlEncode(SvgPicture.Clean(text));

    public void Heading(int level, string text) => _writer.WriteLine($"<h{level}>{Escape(text)}</h{level}>");

    public void Paragraph(string text, string? style = null) =>
        _writer.WriteLine($"<p{(style is null ? string.Empty : $" class=\"{style}\"")}>{Escape(text)}</p>");

    /// <summary>Pictures beside one another, as many as the page is wide.</summary>
    public void Figures(IEnumerable<string> pictures)
    {
        _writer.WriteLine("<div class=\"figures\">");
        foreach (string picture in pictures)
        {
            _writer.WriteLine($"<figure>{picture}</figure>");
        }

        _writer.WriteLine("</div>");
    }

    /// <summary>A table.</summary>
    /// <param name="columns">Headings.</param>
    /// <param name="rows">Cells.</param>
    public void Table(IEnumerable<string> columns, IEnumerable<IEnumerable<ReportCell>> rows)
    {
        _writer.WriteLine("<div class=\"wide\"><table>");
        _writer.WriteLine($"<tr>{string.Concat(columns.Select(column => $"<th>{Escape(column)}</th>"))}</tr>");
        foreach (IEnumerable<ReportCell> row in rows)
        {
            _writer.WriteLine($"<tr>{string.Concat(row.Select(cell => cell.Html))}</tr>");
        }

        _writer.WriteLine("</table></div>");
    }

    /// <summary>Ends the page.</summary>
    public void Dispose() => _writer.WriteLine("</body>\n</html>");
}

/// <summary>A cell of a table.</summary>
/// <param name="Html">Its element.</param>
internal readonly record struct ReportCell(string Html)
{
    public static ReportCell Text(string text) => new($"<td>{ReportPage.Escape(text)}</td>");

    public static ReportCell Code(string text) => new($"<td><code>{ReportPage.Escape(text)}</code></td>");

    public static ReportCell Number(double value) => new($"<td class=\"number\">{Figures.Short(value)}</td>");

    /// <summary>Text on a ground as strong as a share, from 0 to 1.</summary>
    public static ReportCell Share(string text, double share) =>
        new($"<td class=\"heat\"><span class=\"fill\" style=\"opacity:{SvgPicture.Number(0.6 * share)}\"></span><span class=\"text\">{ReportPage.Escape(text)}</span></td>");
}
