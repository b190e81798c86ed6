namespace Llama.Gpu.Tokenization;

/// <summary>
/// How GPT-2 and its heirs spell a token's bytes in a JSON string: the printable ones of Latin-1 as themselves, the others, in
/// ascending order, as the characters from U+0100 on. A space is U+0120 so.
/// </summary>
internal static class ByteLevelAlphabet
{
    private static readonly short[] Bytes = Build(); // by character; -1 where it spells no byte

    /// <summary>Reads the bytes that a string spells.</summary>
    /// <param name="spelling">One character for each byte.</param>
    /// <param name="bytes">At least as long.</param>
    /// <returns>Whether every character spells a byte.</returns>
    public static bool TryRead(ReadOnlySpan<char> spelling, Span<byte> bytes)
    {
        for (int i = 0; i < spelling.Length; i++)
        {
            if (spelling[i] >= Bytes.Length || Bytes[spelling[i]] < 0)
            {
                return false;
            }

            bytes[i] = (byte)Bytes[spelling[i]];
        }

        return true;
    }

    private static short[] Build()
    {
        short[] bytes = new short[0x144];
        Array.Fill(bytes, (short)-1);
        int next = 0x100;
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            bytes[printable ? value : next++] = (short)value;
        }

        return bytes;
    }
}
