using System.Globalization;

namespace Llama.Gpu.Cli.Input;

/// <summary>Sizes in bytes as people write them: <c>1.5GiB</c>, <c>800MiB</c>, <c>2GB</c>, <c>1000000</c>.</summary>
internal static class ByteSize
{
    // largest first, so that formatting takes the first that fits
    private static readonly (string Name, long Bytes)[] BinaryUnits =
        [("TiB", 1L << 40), ("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("B", 1)];

    private static readonly (string Name, long Bytes)[] DecimalUnits =
        [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];

    /// <summary>Reads a size: a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, in any case) or none, which is bytes.</summary>
    /// <returns>Whole bytes, at least 1; a fraction of a byte is dropped.</returns>
    /// <exception cref="FormatException">Not a size; says what was expected and what was found.</exception>
    public static long Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string trimmed = text.Trim();
        int digits = 0;
        while (digits < trimmed.Length && (char.IsAsciiDigit(trimmed[digits]) || trimmed[digits] == '.'))
        {
            digits++;
        }

        string unit = trimmed[digits..].TrimStart();
        long scale = unit.Length == 0 ? 1 : BinaryUnits.Concat(DecimalUnits)
            .FirstOrDefault(known => known.Name.Equals(unit, StringComparison.OrdinalIgnoreCase)).Bytes;
        bool isNumber = decimal.TryParse(
            trimmed.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number);
        if (scale == 0 || !isNumber)
        {
            throw new FormatException($"size: expected a number and a unit such as 1.5GiB, 800MiB, 2GB or 1000000, found '{text}'");
        }

        // the comparison comes first: the product of two large decimals overflows
        if (number > (decimal)long.MaxValue / scale || number * scale < 1)
        {
            throw new FormatException($"size: expected from 1 to {long.MaxValue} bytes, found '{text}'");
        }

        return (long)(number * scale);
    }

    /// <summary>Writes a size with three digits or more and a binary unit.</summary>
    public static string Format(long bytes)
    {
        var (name, scale) = BinaryUnits.FirstOrDefault(unit => bytes >= unit.Bytes, ("B", 1));
        return scale == 1
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes} B")
            : string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / scale:0.00} {name}");
    }
}
