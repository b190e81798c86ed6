using System.Text;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Tests.Generation;

/// <summary>
/// A tokenizer with a few tokens given as bytes; encodes byte by byte. Ids: 0 begin of text, 1 end of text, 2 to 257 the bytes,
/// from 258 on the tokens given.
/// </summary>
internal sealed class FakeTokenizer(params byte[][] tokens) : ITokenizer
{
    public const int FirstToken = 258;

    public int VocabularySize => FirstToken + tokens.Length;

    public int? BeginOfTextId => 0;

    public IReadOnlyList<int> EndOfTextIds { get; } = [1];

    public static FakeTokenizer Of(params string[] texts) => new([.. texts.Select(Encoding.UTF8.GetBytes)]);

    public int[] Encode(string text, bool addBeginOfText = true, bool parseSpecial = false) =>
        [.. addBeginOfText ? new[] { 0 } : [], .. Encoding.UTF8.GetBytes(text).Select(b => b + 2)];

    public ReadOnlyMemory<byte> TokenBytes(int id) => id switch
    {
        0 => "<begin>"u8.ToArray(),
        1 => "<end>"u8.ToArray(),
        < FirstToken => new[] { (byte)(id - 2) },
        _ when id < VocabularySize => tokens[id - FirstToken],
        _ => throw new ArgumentOutOfRangeException(nameof(id), id, "no such token"),
    };

    public bool IsSpecial(int id) => id < 2;

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = true)
    {
        var bytes = new List<byte>();
        foreach (int id in ids)
        {
            if (!skipSpecial || !IsSpecial(id))
            {
                bytes.AddRange(TokenBytes(id).Span);
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
