namespace Llama.Gpu.Tokenization;

/// <summary>When a space goes before a text, or a part of it between special tokens.</summary>
internal enum SpacePrefix
{
    /// <summary>Never.</summary>
    Never,

    /// <summary>Before the text, if it does not begin with a special token.</summary>
    First,

    /// <summary>Before every part.</summary>
    Always,
}

/// <summary>SentencePiece's way with spaces: they are written U+2581, so that they can be a part of tokens, and one goes before a text.</summary>
/// <param name="Prefix">When one goes before.</param>
/// <param name="UnlessThere">Whether a part that begins with a space gets no other.</param>
internal sealed record Metaspace(SpacePrefix Prefix, bool UnlessThere = false)
{
    /// <summary>U+2581 in UTF-8.</summary>
    public static ReadOnlySpan<byte> Mark => "\u2581"u8;

    /// <summary>A part of a text with its spaces marked.</summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="first">Whether the text begins with this part.</param>
    public byte[] Escape(ReadOnlySpan<byte> text, bool first)
    {
        bool there = text.StartsWith(" "u8) || text.StartsWith(Mark);
        bool prefix = !text.IsEmpty && !(UnlessThere && there) && (Prefix == SpacePrefix.Always || (Prefix == SpacePrefix.First && first));
        byte[] escaped = new byte[text.Length + (Mark.Length - 1) * text.Count((byte)' ') + (prefix ? Mark.Length : 0)];
        Span<byte> rest = escaped;
        if (prefix)
        {
            Mark.CopyTo(rest);
            rest = rest[Mark.Length..];
        }

        while (text.IndexOf((byte)' ') is int space and >= 0)
        {
            text[..space].CopyTo(rest);
            Mark.CopyTo(rest[space..]);
            rest = rest[(space + Mark.Length)..];
            text = text[(space + 1)..];
        }

        text.CopyTo(rest);
        return escaped;
    }

    /// <summary>A token's text with its spaces as such.</summary>
    public static byte[] Unescape(ReadOnlySpan<byte> token)
    {
        var text = new List<byte>(token.Length);
        while (token.IndexOf(Mark) is int mark and >= 0)
        {
            text.AddRange(token[..mark]);
            text.Add((byte)' ');
            token = token[(mark + Mark.Length)..];
        }

        text.AddRange(token);
        return [.. text];
    }

    /// <summary>The byte that a token such as <c>&lt;0x0A&gt;</c> stands for.</summary>
    public static bool TryReadByte(ReadOnlySpan<byte> token, out byte value)
    {
        value = 0;
        return token is [(byte)'<', (byte)'0', (byte)'x', _, _, (byte)'>']
            && System.Buffers.Text.Utf8Parser.TryParse(token[3..5], out value, out int used, 'X') && used == 2;
    }
}

/// <summary>Cuts marked text before spaces.</summary>
/// <param name="everySpace">Before each space, rather than only before the first of a run.</param>
internal sealed class MetaspaceScanner(bool everySpace) : PieceScanner
{
    /// <summary>Whether a token holds a space behind something else, so that merging may cross what this scanner cuts.</summary>
    public static bool IsCrossedBy(ReadOnlySpan<byte> token)
    {
        var behind = token[CountMarks(token)..];
        return behind.IndexOf(Metaspace.Mark) >= 0;
    }

    /// <inheritdoc/>
    public override int EndOfPiece(ReadOnlySpan<byte> text, int start)
    {
        int at = start + (everySpace ? Math.Min(CountMarks(text[start..]), Metaspace.Mark.Length) : CountMarks(text[start..]));
        int next = text[at..].IndexOf(Metaspace.Mark);
        return next < 0 ? text.Length : Math.Max(at + next, start + 1);
    }

    private static int CountMarks(ReadOnlySpan<byte> text)
    {
        int at = 0;
        while (text[at..].StartsWith(Metaspace.Mark))
        {
            at += Metaspace.Mark.Length;
        }

        return at;
    }
}
