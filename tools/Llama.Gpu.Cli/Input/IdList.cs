using System.Globalization;

namespace Llama.Gpu.Cli.Input;

/// <summary>Token ids as they are written on the command line: <c>1,2,3</c>.</summary>
internal static class IdList
{
    /// <summary>Reads at least one id; ids are separated by commas, spaces or both.</summary>
    /// <exception cref="FormatException">No list of ids; says what was expected and what was found.</exception>
    public static int[] Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split([',', ' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0)
        {
            throw new FormatException("ids: expected token ids such as 1,2,3, found none");
        }

        var ids = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out ids[i]))
            {
                throw new FormatException($"ids: expected token ids such as 1,2,3, found '{parts[i]}'");
            }
        }

        return ids;
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
