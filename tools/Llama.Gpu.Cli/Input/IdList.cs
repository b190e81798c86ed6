using System.Globalization;

namespace Llama.Gpu.Cli.Input;

/// <summary>Token ids as they are written on the command line: <c>1,2,3</c>.</summary>
internal static class IdList
{
    /// <summary>Reads at least one id; ids are separated by spaces or by one comma, which may also stand behind the last.</summary>
    /// <exception cref="FormatException">No list of ids; says what was expected and what was found.</exception>
    public static int[] Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string list = text.Trim();
        var ids = new List<int>();
        foreach (string group in (list.EndsWith(',') ? list[..^1] : list).Split(','))
        {
            string[] parts = group.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 0)
            {
                throw Error($"none in '{text}'");
            }

            foreach (string part in parts)
            {
                ids.Add(int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : throw Error($"'{part}'"));
            }
        }

        return [.. ids];

        static FormatException Error(string found) => new($"ids: expected token ids such as 1,2,3, found {found}");
    }

    /// <summary>Checks that every id has a token.</summary>
    /// <exception cref="UsageException">An id outside the vocabulary.</exception>
    public static void Check(ReadOnlySpan<int> ids, int vocabularySize)
    {
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)vocabularySize)
            {
                throw new UsageException($"ids: expected token ids from 0 to {vocabularySize - 1}, found {id}");
            }
        }
    }
}
