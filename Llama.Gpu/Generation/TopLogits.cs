namespace Llama.Gpu.Generation;

/// <summary>The largest logits of a row without sorting the row. Of equal logits the lowest id comes first.</summary>
public static class TopLogits
{
    /// <summary>The largest logits, in descending order. NaN is left out.</summary>
    /// <param name="logits">A row of logits; the index is the token id.</param>
    /// <param name="count">How many; fewer come back where there are fewer.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public static (int Id, float Logit)[] Select(ReadOnlySpan<float> logits, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var keys = new ulong[Math.Min(count, logits.Length)];
        int found = SelectKeys(logits, keys);
        Array.Sort(keys, 0, found);
        var top = new (int, float)[found];
        for (int i = 0; i < found; i++)
        {
            int id = Id(keys[found - 1 - i]);
            top[i] = (id, logits[id]);
        }

        return top;
    }

    /// <summary>A number that orders tokens: larger for a larger logit, and of equal logits for the lower id.</summary>
    internal static ulong Key(float logit, int id)
    {
        // adding +0 turns -0 into +0: they are equal, and their bits have to be
        uint bits = BitConverter.SingleToUInt32Bits(logit + 0.0f);
        uint ordered = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return ((ulong)ordered << 32) | ~(uint)id;
    }

    /// <summary>The token that a key was made for.</summary>
    internal static int Id(ulong key) => (int)~(uint)key;

    /// <summary>Fills <paramref name="keys"/> with the keys of the largest logits, in no order; returns how many there are.</summary>
    internal static int SelectKeys(ReadOnlySpan<float> logits, Span<ulong> keys)
    {
        if (keys.IsEmpty)
        {
            return 0;
        }

        int count = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            float logit = logits[id];
            if (float.IsNaN(logit))
            {
                continue;
            }

            ulong key = Key(logit, id);
            if (count < keys.Length)
            {
                keys[count++] = key;
                if (count == keys.Length)
                {
                    Heapify(keys);
                }
            }
            else if (key > keys[0])
            {
                keys[0] = key;
                SiftDown(keys, 0);
            }
        }

        return count;
    }

    private static void Heapify(Span<ulong> heap)
    {
        for (int parent = (heap.Length / 2) - 1; parent >= 0; parent--)
        {
            SiftDown(heap, parent);
        }
    }

    // a binary heap with the smallest key at the root
    private static void SiftDown(Span<ulong> heap, int parent)
    {
        ulong key = heap[parent];
        while (true)
        {
            int child = (2 * parent) + 1;
            if (child >= heap.Length)
            {
                break;
            }

            if (child + 1 < heap.Length && heap[child + 1] < heap[child])
            {
                child++;
            }

            if (heap[child] >= key)
            {
                break;
            }

            heap[parent] = heap[child];
            parent = child;
        }

        heap[parent] = key;
    }
}
