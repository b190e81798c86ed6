using System.Globalization;

namespace Llama.Gpu.Cli.Input;

/// <summary>Layers or heads as they are written on the command line: <c>0,2-5</c>.</summary>
internal static class IndexList
{
    // no model has as many, and a range is written out
    private const int Largest = 1 << 16;

    /// <summary>Reads at least one index; a range includes its end.</summary>
    /// <param name="name">Name of the option, for the error.</param>
    /// <param name="text">What was given.</param>
    /// <exception cref="FormatException">No list of indices; says what was expected and what was found.</exception>
    public static int[] Parse(string name, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var indices = new List<int>();
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || !Read(ends[0], out int first) || !Read(ends[^1], out int last) || last < first)
            {
                throw new FormatException($"{name}: expected indices such as 0,2-5, found '{text}'");
            }

            indices.AddRange(Enumerable.Range(first, last - first + 1));
        }

        return [.. indices];
    }

    private static bool Read(string text, out int index) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out index) && index <= Largest;
}
