using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>
/// The tokenizer of Llama 3 as Meta ships it: <c>tokenizer.model</c> in tiktoken's format, a line for each token, its bytes in
/// base64 and its rank, which is its id. The split pattern and the special tokens are Llama 3's; the file has neither.
/// </summary>
public sealed class TiktokenTokenizer : BytePairTokenizer
{
    private const int ShortestLine = 7; // four of base64, a space, a digit, the line's end

    private TiktokenTokenizer(BytePairVocabulary vocabulary)
        : base(vocabulary)
    {
    }

    /// <summary>Reads the tokenizer from a file.</summary>
    /// <exception cref="TokenizerException">The file cannot be read or used.</exception>
    public static TiktokenTokenizer Load(string path) => Parse(TokenizerFile.Read(path), path);

    /// <summary>Reads the tokenizer from a file's bytes.</summary>
    /// <param name="data">All of the file.</param>
    /// <param name="file">Its name, for errors.</param>
    /// <exception cref="TokenizerException">The file cannot be used.</exception>
    public static TiktokenTokenizer Parse(ReadOnlySpan<byte> data, string file)
    {
        if (SentencePieceModel.IsOne(data))
        {
            throw new TokenizerException(file, "this is a SentencePiece model (Llama 1 and 2); expected tiktoken's lines of base64 and rank");
        }

        TokenIndex index = ReadLines(data, file);
        string[] names = [.. Llama3SpecialTokens.Names()];
        var tokens = new ReadOnlyMemory<byte>[index.Count + names.Length];
        index.CopyTo(tokens);
        var special = new AddedToken[names.Length];
        for (int i = 0; i < names.Length; i++)
        {
            special[i] = new AddedToken(index.Count + i, Encoding.UTF8.GetBytes(names[i])) { Special = true };
            tokens[special[i].Id] = special[i].Content;
        }

        return new TiktokenTokenizer(new BytePairVocabulary
        {
            Tokens = tokens,
            Merges = new RankMerges(index),
            Scanners = [new Llama3Scanner(longestNumber: 3)],
            AddedTokenPasses = [special],
            BeginOfTextId = index.Count + Array.IndexOf(names, Llama3SpecialTokens.BeginOfText),
            EndOfTextIds = special.Where(token => Llama3SpecialTokens.EndsText(names[token.Id - index.Count])).Select(token => token.Id),
        });
    }

    private static TokenIndex ReadLines(ReadOnlySpan<byte> data, string file)
    {
        var index = new TokenIndex(capacity: data.Length / 16, byteCapacity: data.Length / 2);
        int[] lineOfRank = new int[(data.Length + 1) / ShortestLine]; // a higher rank than that leaves a gap
        int number = 0;
        foreach (Range range in data.Split((byte)'\n'))
        {
            number++;
            ReadOnlySpan<byte> line = data[range].TrimEnd((byte)'\r');
            if (!line.IsEmpty)
            {
                ReadLine(line, index, lineOfRank, number, file);
            }
        }

        if (lineOfRank.AsSpan(0, index.Count).IndexOf(0) is int gap and >= 0)
        {
            throw new TokenizerException(file, $"{index.Count} tokens, but none of rank {gap}: ranks must count up from 0");
        }

        return index.MissingByte() is int missing
            ? throw new TokenizerException(file, $"no token for the byte 0x{missing:X2}: a vocabulary must have all 256")
            : index;
    }

    private static void ReadLine(ReadOnlySpan<byte> line, TokenIndex index, int[] lineOfRank, int number, string file)
    {
        int space = line.IndexOf((byte)' ');
        if (space < 0)
        {
            throw Error("expected a token in base64, a space and its rank");
        }

        byte[] token = new byte[Base64.GetMaxDecodedFromUtf8Length(space)];
        if (Base64.DecodeFromUtf8(line[..space], token, out _, out int length) != OperationStatus.Done)
        {
            throw Error("the token is no valid base64");
        }

        if (length is 0 or > BytePairVocabulary.LongestToken)
        {
            throw Error($"a token of {length} bytes; expected 1 to {BytePairVocabulary.LongestToken}");
        }

        ReadOnlySpan<byte> digits = line[(space + 1)..];
        if (!Utf8Parser.TryParse(digits, out int rank, out int used) || used != digits.Length || rank < 0)
        {
            throw Error("the rank is no number from 0 up");
        }

        if (rank >= lineOfRank.Length)
        {
            throw Error($"rank {rank} is out of range: a file of this size has {lineOfRank.Length} tokens at most, and ranks count up from 0");
        }

        if (lineOfRank[rank] != 0)
        {
            throw Error($"rank {rank} is that of line {lineOfRank[rank]} already");
        }

        if (!index.TryAdd(token.AsSpan(0, length), rank, out int present))
        {
            throw Error($"the token is that of line {lineOfRank[present]} already");
        }

        lineOfRank[rank] = number;

        TokenizerException Error(string problem) => new(file, problem, $"line {number}");
    }
}
