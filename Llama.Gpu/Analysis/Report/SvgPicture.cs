using System.Globalization;
using System.Text;
using System.Xml;

namespace Llama.Gpu.Analysis.Report;

/// <summary>Writes an SVG picture that stands within an HTML page: the page's style sheet colours it by class.</summary>
internal sealed class SvgPicture : IDisposable
{
    private readonly StringBuilder _text = new();
    private readonly XmlWriter _xml;

    /// <param name="width">In units of the picture, pixels unless the page scales it.</param>
    /// <param name="height">The same.</param>
    /// <param name="label">What it shows, for those who do not see it.</param>
    public SvgPicture(double width, double height, string label)
    {
        _xml = XmlWriter.Create(_text, new XmlWriterSettings { OmitXmlDeclaration = true, ConformanceLevel = ConformanceLevel.Fragment });
        _xml.WriteStartElement("svg");
        Attribute("viewBox", $"0 0 {Number(width)} {Number(height)}");
        Attribute("width", Number(width));
        Attribute("height", Number(height));
        Attribute("role", "img");
        Attribute("aria-label", Clean(label));
    }

    /// <summary>A number as the picture has it: a hundredth is finer than any eye.</summary>
    public static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    public void Line(double x1, double y1, double x2, double y2, string style)
    {
        _xml.WriteStartElement("line");
        Attribute("class", style);
        Attribute("x1", Number(x1));
        Attribute("y1", Number(y1));
        Attribute("x2", Number(x2));
        Attribute("y2", Number(y2));
        _xml.WriteEndElement();
    }

    /// <summary>A line through points; what the pointer is told on it is <paramref name="tip"/>.</summary>
    public void Polyline(IEnumerable<(double X, double Y)> points, string style, string? colour, string tip)
    {
        _xml.WriteStartElement("polyline");
        Attribute("class", style);
        if (colour is not null)
        {
            Attribute("style", $"stroke:{colour}");
        }

        Attribute("points", string.Join(' ', points.Select(point => $"{Number(point.X)},{Number(point.Y)}")));
        Tip(tip);
        _xml.WriteEndElement();
    }

    /// <summary>A filled rectangle, as strong as <paramref name="strength"/> from 0 to 1.</summary>
    public void Cell(double x, double y, double width, double height, double strength, string tip)
    {
        _xml.WriteStartElement("rect");
        Attribute("class", "cell");
        Attribute("x", Number(x));
        Attribute("y", Number(y));
        Attribute("width", Number(width));
        Attribute("height", Number(height));
        Attribute("fill-opacity", strength.ToString("0.###", CultureInfo.InvariantCulture));
        Tip(tip);
        _xml.WriteEndElement();
    }

    /// <summary>A rectangle's outline.</summary>
    public void Frame(double x, double y, double width, double height)
    {
        _xml.WriteStartElement("rect");
        Attribute("class", "frame");
        Attribute("x", Number(x));
        Attribute("y", Number(y));
        Attribute("width", Number(width));
        Attribute("height", Number(height));
        _xml.WriteEndElement();
    }

    /// <summary>Text that begins, ends or is centred at a point.</summary>
    /// <param name="x">The point.</param>
    /// <param name="y">Its line.</param>
    /// <param name="text">The text.</param>
    /// <param name="anchor">start, middle or end.</param>
    /// <param name="style">Class.</param>
    /// <param name="turn">Degrees by which it is turned round the point.</param>
    public void Text(double x, double y, string text, string anchor = "start", string style = "label", double turn = 0)
    {
        _xml.WriteStartElement("text");
        Attribute("class", style);
        Attribute("x", Number(x));
        Attribute("y", Number(y));
        Attribute("text-anchor", anchor);
        if (turn != 0)
        {
            Attribute("transform", $"rotate({Number(turn)} {Number(x)} {Number(y)})");
        }

        _xml.WriteString(Clean(text));
        _xml.WriteEndElement();
    }

    /// <summary>The picture; nothing can be added afterwards.</summary>
    public string Close()
    {
        _xml.WriteEndElement();
        _xml.Flush();
        return _text.ToString();
    }

    public void Dispose() => _xml.Dispose();

    // XML has no control characters, nor halves of surrogate pairs; tokens may have them
    internal static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            clean.Append(Rune.IsControl(rune) || rune.Value is 0xFFFE or 0xFFFF ? Rune.ReplacementChar.ToString() : rune.ToString());
        }

        return clean.ToString();
    }

    private void Tip(string tip)
    {
        _xml.WriteStartElement("title");
        _xml.WriteString(Clean(tip));
        _xml.WriteEndElement();
    }

    private void Attribute(string name, string value) => _xml.WriteAttributeString(name, value);
}
