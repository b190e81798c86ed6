using System.Numerics;

namespace Llama.Gpu.Tokenization;

/// <summary>
/// From a token's bytes to its id. The bytes lie in one array, so that a vocabulary of a hundred thousand tokens is a few
/// arrays and not a hundred thousand objects.
/// </summary>
internal sealed class TokenIndex
{
    private byte[] _bytes;
    private int _byteCount;
    private int[] _ends; // where the bytes of the n-th token end
    private int[] _ids; // its id
    private int[] _slots; // open addressing: n + 1, or 0 where the slot is empty
    private int _longest;

    /// <param name="capacity">Expected number of tokens.</param>
    /// <param name="byteCapacity">Expected number of bytes in all of them.</param>
    public TokenIndex(int capacity, int byteCapacity)
    {
        capacity = Math.Max(capacity, 16);
        _bytes = new byte[byteCapacity];
        _ends = new int[capacity];
        _ids = new int[capacity];
        _slots = new int[SlotsFor(capacity)];
    }

    /// <summary>Number of tokens.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a token, unless one of the same bytes is there.</summary>
    /// <param name="token">Its bytes.</param>
    /// <param name="id">Its id.</param>
    /// <param name="present">The id of the token that is there already, or -1.</param>
    public bool TryAdd(ReadOnlySpan<byte> token, int id, out int present)
    {
        if (Count == _ends.Length)
        {
            Grow();
        }

        int slot = FindSlot(token);
        if (_slots[slot] != 0)
        {
            present = _ids[_slots[slot] - 1];
            return false;
        }

        if (_bytes.Length - _byteCount < token.Length)
        {
            Array.Resize(ref _bytes, Math.Max((int)Math.Min(_bytes.Length * 2L, Array.MaxLength), checked(_byteCount + token.Length)));
        }

        token.CopyTo(_bytes.AsSpan(_byteCount));
        _byteCount += token.Length;
        _ends[Count] = _byteCount;
        _ids[Count] = id;
        _slots[slot] = ++Count; // n + 1
        _longest = Math.Max(_longest, token.Length);
        present = -1;
        return true;
    }

    /// <summary>The id of the token of these bytes, if there is one.</summary>
    public bool TryFind(ReadOnlySpan<byte> token, out int id)
    {
        int entry = token.Length > _longest ? 0 : _slots[FindSlot(token)];
        id = entry == 0 ? -1 : _ids[entry - 1];
        return entry != 0;
    }

    /// <summary>The first byte value without a token of its own, or null where each has one, as merging needs.</summary>
    public int? MissingByte() => Array.FindIndex(ByteTokens(), id => id < 0) is int missing and >= 0 ? missing : null;

    /// <summary>The id of each single byte's token, by value; -1 where there is none.</summary>
    public int[] ByteTokens()
    {
        int[] ids = new int[256];
        for (int value = 0; value < ids.Length; value++)
        {
            TryFind([(byte)value], out ids[value]);
        }

        return ids;
    }

    /// <summary>Writes every token's bytes to its id's place.</summary>
    /// <param name="byId">Long enough for the largest id; the memory is shared with this index, so it must be complete.</param>
    public void CopyTo(Span<ReadOnlyMemory<byte>> byId)
    {
        for (int n = 0; n < Count; n++)
        {
            byId[_ids[n]] = Bytes(n);
        }
    }

    private static int SlotsFor(int capacity) => (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)capacity * 2), 1u << 30);

    private Memory<byte> Bytes(int n)
    {
        int start = n == 0 ? 0 : _ends[n - 1];
        return _bytes.AsMemory(start, _ends[n] - start);
    }

    private int FindSlot(ReadOnlySpan<byte> token)
    {
        // seeded per process, so that no file can be written to collide
        HashCode hash = default;
        hash.AddBytes(token);
        int mask = _slots.Length - 1;
        int slot = hash.ToHashCode() & mask;
        while (_slots[slot] != 0 && !Bytes(_slots[slot] - 1).Span.SequenceEqual(token))
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    private void Grow()
    {
        Array.Resize(ref _ends, checked(Count * 2));
        Array.Resize(ref _ids, _ends.Length);
        _slots = new int[SlotsFor(_ends.Length)];
        for (int n = 0; n < Count; n++)
        {
            _slots[FindSlot(Bytes(n).Span)] = n + 1;
        }
    }
}
