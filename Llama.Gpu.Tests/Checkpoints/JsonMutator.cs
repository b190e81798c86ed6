using System.Text;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>Spoils a JSON file at random, by its seed: bytes, and pieces that parsers are known to trip over.</summary>
internal sealed class JsonMutator(int seed)
{
    private static readonly byte[][] Pieces =
    [
        .. new[]
        {
            "-1", "0", "1", "2", "3", "-0", "1e999", "1e-999", "0.5", "2147483647", "2147483648", "4294967296", "9223372036854775807",
            "9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999999999", "null", "true", "false",
            "\"\"", "{}", "[]", "[[]]", "\"\\ud800\"", "\"\\u0000\"", "NaN", "\"..\"", "\"F64\"", "\"F32\"", "\"yarn\"", ",", ":", "\"", "{", "}",
            "[", "]", "\\", "//", "\n", "\0", "\uFEFF", "\U0001D7D8",
        }.Select(Encoding.UTF8.GetBytes),
        [0xFF],
        [0xC0, 0x80],
        [0xED, 0xA0, 0x80],
    ];

    private readonly Random _random = new(seed);

    /// <summary>A copy with one to four faults.</summary>
    public byte[] Mutate(byte[] original)
    {
        byte[] current = original;
        for (int faults = _random.Next(1, 5); faults > 0; faults--)
        {
            current = MutateOnce(current);
        }

        return current;
    }

    private byte[] MutateOnce(byte[] json)
    {
        int at = _random.Next(json.Length + 1);
        int end = Math.Min(json.Length, at + _random.Next(1, 30));
        byte[] piece = Pieces[_random.Next(Pieces.Length)];
        switch (_random.Next(7))
        {
            case 0:
                byte[] changed = [.. json];
                if (at < changed.Length)
                {
                    changed[at] ^= (byte)(1 << _random.Next(8));
                }

                return changed;
            case 1:
                return [.. json[..at], .. json[end..]];
            case 2:
                return [.. json[..at], .. piece, .. json[at..]];
            case 3:
                return [.. json[..end], .. json[at..end], .. json[end..]];
            case 4:
                return _random.Next(4) == 0 ? json[..at] : ReplaceValue(json, at, json[at..end]);
            default:
                return ReplaceValue(json, at, piece);
        }
    }

    // a whole value at a time, or most mutations would never pass the JSON parser
    private static byte[] ReplaceValue(byte[] json, int from, byte[] piece)
    {
        int start = Array.FindIndex(json, from, b => b is (byte)':' or (byte)'[') + 1;
        if (start == 0)
        {
            return json;
        }

        int end = Array.FindIndex(json, start, b => b is (byte)',' or (byte)']' or (byte)'}');
        return end < 0 ? json : [.. json[..start], .. piece, .. json[end..]];
    }
}
