using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>
/// The tokenizer of Llama 1 and 2 as Meta ships it: <c>tokenizer.model</c> in SentencePiece's format, of its BPE kind. Characters
/// are merged, the highest score first; one that is no piece becomes its bytes; a space goes before the text, and decoding takes it away.
/// </summary>
/// <remarks>Google's SentencePiece gives the same ids. U+2581 is what it writes for a space, so that this one character comes back as a space.</remarks>
public sealed class SentencePieceTokenizer : BytePairTokenizer
{
    private SentencePieceTokenizer(BytePairVocabulary vocabulary)
        : base(vocabulary)
    {
    }

    /// <summary>Reads the tokenizer from a file.</summary>
    /// <exception cref="TokenizerException">The file cannot be read or used.</exception>
    public static SentencePieceTokenizer Load(string path) => Parse(TokenizerFile.Read(path), path);

    /// <summary>Reads the tokenizer from a file's bytes.</summary>
    /// <param name="data">All of the file.</param>
    /// <param name="file">Its name, for errors.</param>
    /// <exception cref="TokenizerException">The file cannot be used.</exception>
    public static SentencePieceTokenizer Parse(ReadOnlySpan<byte> data, string file) =>
        Create(SentencePieceModel.Parse(data.ToArray(), file), TokenRoles.None, file);

    /// <summary>The tokenizer of a model.</summary>
    /// <param name="model">The pieces.</param>
    /// <param name="roles">What files beside it add.</param>
    /// <param name="file">Name of the model's file, for errors.</param>
    /// <exception cref="TokenizerException">Pieces that cannot be used.</exception>
    internal static SentencePieceTokenizer Create(SentencePieceModel model, TokenRoles roles, string file)
    {
        int count = model.Pieces.Count;
        var index = new TokenIndex(count, count * 8);
        var tokens = new List<ReadOnlyMemory<byte>>(count);
        var marks = new List<AddedToken>();
        var userDefined = new List<AddedToken>();
        var byteTokens = new int[256];
        Array.Fill(byteTokens, -1);
        int? unknown = null;
        bool crossed = false;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int id = 0; id < count; id++)
        {
            var piece = model.Pieces[id];
            if (piece.Text.Length is 0 or > BytePairVocabulary.LongestToken || float.IsNaN(piece.Score))
            {
                throw Error(id, $"expected 1 to {BytePairVocabulary.LongestToken} bytes and a score, found {piece.Text.Length} bytes, {piece.Score}");
            }

            if (!seen.Add(Encoding.UTF8.GetString(piece.Text.Span)))
            {
                throw Error(id, "expected each piece once, found it twice");
            }

            tokens.Add(piece.Text);
            switch (piece.Type)
            {
                case PieceType.Normal:
                    index.TryAdd(piece.Text.Span, id, out _);
                    crossed |= MetaspaceScanner.IsCrossedBy(piece.Text.Span);
                    tokens[id] = Metaspace.Unescape(piece.Text.Span);
                    break;
                case PieceType.Unknown when unknown is null:
                    unknown = id;
                    marks.Add(new AddedToken(id, piece.Text) { Special = true });
                    break;
                case PieceType.Control:
                    marks.Add(new AddedToken(id, piece.Text) { Special = true });
                    break;
                case PieceType.UserDefined:
                    userDefined.Add(new AddedToken(id, piece.Text));
                    tokens[id] = Metaspace.Unescape(piece.Text.Span);
                    break;
                case PieceType.Byte when Metaspace.TryReadByte(piece.Text.Span, out byte value):
                    byteTokens[value] = id;
                    tokens[id] = new byte[] { value };
                    break;
                default:
                    throw Error(id, $"a piece of type {(int)piece.Type} cannot be used here");
            }
        }

        bool allBytes = Array.IndexOf(byteTokens, -1) < 0;
        if (!allBytes && unknown is null)
        {
            throw new TokenizerException(file, "expected a piece for each byte, or one for what is unknown, found neither");
        }

        roles.AddTo(tokens, marks, seen, file);
        var characters = new CharacterTokens(index, allBytes ? byteTokens : null, unknown);
        return new SentencePieceTokenizer(new BytePairVocabulary
        {
            Tokens = [.. tokens],
            Merges = new ScoreMerges(index, Ranks(model.Pieces), characters),
            Scanners = crossed ? [] : [new MetaspaceScanner(everySpace: false)],
            AddedTokenPasses = [[.. marks], [.. userDefined]],
            Spaces = new Metaspace(model.AddDummyPrefix ? SpacePrefix.Always : SpacePrefix.Never),
            BeginOfTextId = roles.Begin(tokens, marks) ?? model.BeginOfTextId,
            EndOfTextIds = roles.Ends(tokens, marks, model.EndOfTextId is int end ? [end] : []),
        });

        TokenizerException Error(int id, string problem) => new(file, problem, $"piece {id}");
    }

    private static int[] Ranks(IReadOnlyList<Piece> pieces)
    {
        float[] scores = [.. pieces.Select(piece => piece.Score).Distinct().OrderDescending()];
        var rankOf = new Dictionary<float, int>(scores.Length);
        for (int rank = 0; rank < scores.Length; rank++)
        {
            rankOf[scores[rank]] = rank;
        }

        return [.. pieces.Select(piece => rankOf[piece.Score])];
    }
}
