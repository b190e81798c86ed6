using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>What a tokenizer file says, checked: what <see cref="BytePairTokenizer"/> works from.</summary>
internal sealed class BytePairVocabulary
{
    /// <summary>Most bytes a token may have; no tokenizer in use comes near it.</summary>
    public const int LongestToken = 4096;

    /// <summary>Each id's bytes: there are no gaps.</summary>
    public required ReadOnlyMemory<byte>[] Tokens { get; init; }

    /// <summary>How bytes become tokens.</summary>
    public required IMergeRules Merges { get; init; }

    /// <summary>How a text is cut, each cutting the pieces of the one before.</summary>
    public required PieceScanner[] Scanners { get; init; }

    /// <summary>Tokens found before cutting: first those found in the text as it is, then those found once its spaces are marked.</summary>
    public required AddedToken[][] AddedTokenPasses { get; init; }

    /// <summary>How spaces are marked, or null where they are bytes like all others.</summary>
    public Metaspace? Spaces { get; init; }

    /// <summary>The token a text begins with.</summary>
    public required int? BeginOfTextId { get; init; }

    /// <summary>The tokens a text or turn ends with.</summary>
    public required IEnumerable<int> EndOfTextIds { get; init; }
}

/// <summary>
/// Byte-pair encoding as Llama has it: added tokens are found first, the rest is cut into pieces, and within each piece the
/// bytes of its UTF-8 (Llama 3), or its characters (Llama 1 and 2), are merged into tokens. Any text can be encoded and comes back as it was.
/// </summary>
public abstract class BytePairTokenizer : ITokenizer
{
    private readonly ReadOnlyMemory<byte>[] _tokens;
    private readonly bool[] _special;
    private readonly IMergeRules _merges;
    private readonly PieceScanner[] _scanners;
    private readonly AddedTokenMatcher[] _addedTokens;
    private readonly Metaspace? _spaces;

    private protected BytePairTokenizer(BytePairVocabulary vocabulary)
    {
        _tokens = vocabulary.Tokens;
        _merges = vocabulary.Merges;
        _scanners = vocabulary.Scanners;
        _addedTokens = [.. vocabulary.AddedTokenPasses.Select(pass => new AddedTokenMatcher(pass))];
        _spaces = vocabulary.Spaces;
        _special = new bool[_tokens.Length];
        foreach (AddedToken token in vocabulary.AddedTokenPasses.SelectMany(pass => pass))
        {
            _special[token.Id] = token.Special;
        }

        BeginOfTextId = vocabulary.BeginOfTextId;
        EndOfTextIds = Array.AsReadOnly(vocabulary.EndOfTextIds.Order().ToArray());
    }

    /// <inheritdoc/>
    public int VocabularySize => _tokens.Length;

    /// <inheritdoc/>
    public int? BeginOfTextId { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> EndOfTextIds { get; }

    /// <inheritdoc/>
    public bool AddsSpacePrefix => _spaces is { Prefix: not SpacePrefix.Never };

    /// <inheritdoc/>
    public int[] Encode(string text, bool addBeginOfText = true, bool parseSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>();
        if (addBeginOfText && BeginOfTextId is int begin)
        {
            ids.Add(begin);
        }

        EncodePart(Encoding.UTF8.GetBytes(text), first: true, addedTokenPass: 0, parseSpecial, new PieceMerger(_merges), ids);
        return [.. ids];
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        CheckId(id);
        return _tokens[id];
    }

    /// <inheritdoc/>
    public bool IsSpecial(int id)
    {
        CheckId(id);
        return _special[id];
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = true)
    {
        var bytes = new List<byte>(ids.Length * 4);
        bool prefix = AddsSpacePrefix;
        foreach (int id in ids)
        {
            bool special = IsSpecial(id);
            if (!(special && skipSpecial))
            {
                bytes.AddRange(_tokens[id].Span[(prefix && _tokens[id].Span.StartsWith(" "u8) ? 1 : 0)..]);
            }

            prefix = AddsSpacePrefix && special;
        }

        return Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes));
    }

    private void CheckId(int id)
    {
        if ((uint)id >= (uint)_tokens.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(id), id, $"there is no token {id}: ids go from 0 to {_tokens.Length - 1}");
        }
    }

    private void EncodePart(ReadOnlySpan<byte> text, bool first, int addedTokenPass, bool parseSpecial, PieceMerger merger, List<int> ids)
    {
        if (addedTokenPass == _addedTokens.Length)
        {
            EncodePieces(text, scanner: 0, merger, ids);
            return;
        }

        if (addedTokenPass == 1 && _spaces is not null)
        {
            text = _spaces.Escape(text, first);
        }

        int done = 0;
        foreach (AddedTokenMatch match in _addedTokens[addedTokenPass].Find(text, parseSpecial))
        {
            EncodePart(text[done..match.Start], first && done == 0, addedTokenPass + 1, parseSpecial, merger, ids);
            ids.Add(match.Token.Id);
            done = match.End;
        }

        EncodePart(text[done..], first && done == 0, addedTokenPass + 1, parseSpecial, merger, ids);
    }

    private void EncodePieces(ReadOnlySpan<byte> text, int scanner, PieceMerger merger, List<int> ids)
    {
        if (scanner == _scanners.Length)
        {
            merger.Encode(text, ids);
            return;
        }

        for (int start = 0; start < text.Length;)
        {
            int end = _scanners[scanner].EndOfPiece(text, start);
            EncodePieces(text[start..end], scanner + 1, merger, ids);
            start = end;
        }
    }
}
