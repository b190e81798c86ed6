namespace Llama.Gpu.Tokenization;

/// <summary>Which neighbouring tokens may become one, and which go first.</summary>
internal interface IMergeRules
{
    /// <summary>The token of what merging begins with, a byte or a character; -1 where it has none.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="at">Its first byte.</param>
    /// <param name="length">Its number of bytes.</param>
    int Symbol(ReadOnlySpan<byte> piece, int at, out int length);

    /// <summary>Writes what stands for a symbol without a token.</summary>
    void WriteUnknown(ReadOnlySpan<byte> symbol, List<int> ids);

    /// <summary>The token that stands for a whole piece, where the rules let a piece that is a token go unmerged.</summary>
    bool TryWholePiece(ReadOnlySpan<byte> piece, out int id);

    /// <summary>Looks up what two neighbours become.</summary>
    /// <param name="merged">The bytes of both together.</param>
    /// <param name="left">Token on the left.</param>
    /// <param name="right">Token on the right.</param>
    /// <param name="rank">The lowest goes first; 0 and up.</param>
    /// <param name="id">The token they become.</param>
    bool TryMerge(ReadOnlySpan<byte> merged, int left, int right, out int rank, out int id);
}

/// <summary>
/// Byte-pair merging of one piece: the pair of lowest rank is joined, the leftmost of equals first, until none is left.
/// A linked list of tokens and a heap of pairs make it O(n log n), so that a megabyte without a space costs no more per byte
/// than a word. Its arrays are kept from piece to piece; not for use by two threads at once.
/// </summary>
internal sealed class PieceMerger(IMergeRules rules)
{
    private const int NoPair = int.MaxValue;

    // all indexed by the first byte of a token; an entry is meaningful only where a token begins
    private int[] _token = [];
    private int[] _next = []; // first byte of the token after it, or the piece's length
    private int[] _previous = []; // first byte of the token before it, or -1
    private int[] _pairRank = []; // rank of joining it with the next, or NoPair
    private int[] _pairToken = []; // what they become

    private readonly PriorityQueue<int, ulong> _pairs = new(); // first byte, by rank and then from the left

    /// <summary>Appends the tokens of a piece.</summary>
    /// <param name="piece">At least one byte.</param>
    /// <param name="ids">Where the tokens go.</param>
    public void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        if (rules.TryWholePiece(piece, out int whole))
        {
            ids.Add(whole);
            return;
        }

        Reset(piece);
        while (_pairs.TryDequeue(out int at, out ulong order))
        {
            // What a pair covers only ever grows, so an entry of another rank is of a pair that is gone.
            if (order == Order(_pairRank[at], at))
            {
                Join(piece, at);
            }
        }

        for (int at = 0; at < piece.Length; at = _next[at])
        {
            if (_token[at] >= 0)
            {
                ids.Add(_token[at]);
            }
            else
            {
                rules.WriteUnknown(piece[at.._next[at]], ids);
            }
        }
    }

    private static ulong Order(int rank, int at) => ((ulong)(uint)rank << 32) | (uint)at;

    private void Reset(ReadOnlySpan<byte> piece)
    {
        if (_token.Length < piece.Length)
        {
            int capacity = Math.Max(64, piece.Length);
            _token = new int[capacity];
            _next = new int[capacity];
            _previous = new int[capacity];
            _pairRank = new int[capacity];
            _pairToken = new int[capacity];
        }

        int before = -1;
        for (int at = 0; at < piece.Length; at = _next[at])
        {
            _token[at] = rules.Symbol(piece, at, out int length);
            _next[at] = at + length;
            _previous[at] = before;
            before = at;
        }

        _pairs.Clear();
        for (int at = 0; at < piece.Length; at = _next[at])
        {
            LookUpPair(piece, at);
        }
    }

    private void Join(ReadOnlySpan<byte> piece, int at)
    {
        int absorbed = _next[at];
        int after = _next[absorbed];
        _token[at] = _pairToken[at];
        _next[at] = after;
        _pairRank[absorbed] = NoPair;
        if (after < piece.Length)
        {
            _previous[after] = at;
        }

        LookUpPair(piece, at);
        if (_previous[at] >= 0)
        {
            LookUpPair(piece, _previous[at]);
        }
    }

    private void LookUpPair(ReadOnlySpan<byte> piece, int at)
    {
        int next = _next[at];
        _pairRank[at] = NoPair;
        if (next < piece.Length && rules.TryMerge(piece[at.._next[next]], _token[at], _token[next], out int rank, out int id))
        {
            _pairRank[at] = rank;
            _pairToken[at] = id;
            _pairs.Enqueue(at, Order(rank, at));
        }
    }
}
