namespace Llama.Gpu.Kernels;

/// <content>Scores of a tile become weights, in the registers where products put the ones and take the others.</content>
public sealed partial class WarpGroupAttention
{
    private static void Take(ArrayView<float> scores, ArrayView<float> exponentials)
    {
        for (int i = 0; i < Keys >> 1; i++)
        {
            exponentials[i] = scores[i];
        }
    }

    /// <summary>
    /// Clears the values of a tile that are infinite or no numbers, both warp groups together, and notes their keys. A tile at the diagonal has
    /// keys that some of the group's queries do not see: their weights are 0, and 0 times NaN would be NaN. A note is never taken back,
    /// since who sees a key of a later tile sees those of this one.
    /// </summary>
    private static void SetApart<T, TWord, THead>(ArrayView<T> slots, ArrayView<ulong> barriers, ArrayView<int> poison, int tile, int parity)
        where T : unmanaged
        where TWord : struct, IFragmentWord
        where THead : struct, IWarpGroupHead
    {
        int slot = Slot<THead>(tile, OfValues);
        AsyncBarrier.Wait(barriers, Full(slot), Parity<THead>(tile));
        ArrayView<uint> words = slots.SubView(slot * Keys << THead.WidthShift, Keys << THead.WidthShift).Cast<uint>();
        for (int i = 0; i < (Keys << (THead.WidthShift - 3)) / MultiplyingLanes; i++)
        {
            int chunk = (i * MultiplyingLanes) + Group.IdxX - WarpGroup.Size;
            int at = chunk << 2;
            bool isFinite = TWord.IsFinite(words[at]) & TWord.IsFinite(words[at + 1]) & TWord.IsFinite(words[at + 2]) & TWord.IsFinite(words[at + 3]);
            if (!isFinite)
            {
                for (int e = 0; e < 4; e++)
                {
                    words[at + e] = 0;
                }

                // a key has 8 chunks in each tile of 64 columns
                Atomic.Or(ref poison[(Stage<THead>(tile) * Keys) + ((chunk >> 3) & (Keys - 1))], AttentionRows.NotANumber);
            }
        }

        WarpGroup.FenceStores();
        AsyncBarrier.Arrive(barriers, ValuesChecked<THead>());
        AsyncBarrier.Wait(barriers, ValuesChecked<THead>(), parity);
    }

    /// <summary>Takes the scores of keys behind their queries away, whatever they are, and poisons those of keys that are set apart.</summary>
    private static void Mask(ArrayView<float> scores, ArrayView<int> poison, AttentionShape shape, int headsPerGroup, int row, int firstKey)
    {
        int column = (Lane & 3) << 1;
        int before = shape.FirstPosition - firstKey - column;
        int top = before + (row / headsPerGroup);
        int bottom = before + ((row + 8) / headsPerGroup);
        for (int i = 0; i < Keys >> 1; i++)
        {
            int key = ((i >> 2) << 3) + (i & 1);
            float poisoned = scores[i] + Interop.IntAsFloat((uint)poison[column + key]);
            scores[i] = key <= ((i & 2) == 0 ? top : bottom) ? poisoned : float.NegativeInfinity;
        }
    }

    /// <summary>
    /// Turns a tile's scores into weights relative to the largest score so far. Four lanes share a row; each adds up its own weights, and
    /// their totals meet at the end.
    /// </summary>
    private static void Soften(ArrayView<float> scores, ArrayView<float> maxima, ArrayView<float> totals, ArrayView<float> factors)
    {
        for (int half = 0; half < 2; half++)
        {
            float largest = maxima[half];
            for (int i = 2 * half; i < Keys >> 1; i += 4)
            {
                largest = XMath.Max(largest, XMath.Max(scores[i], scores[i + 1]));
            }

            largest = AttentionRows.Largest(largest);
            factors[half] = XMath.Exp2Approximate(maxima[half] - largest);
            maxima[half] = largest;
            float total = totals[half] * factors[half];
            for (int i = 2 * half; i < Keys >> 1; i += 4)
            {
                scores[i] = XMath.Exp2Approximate(scores[i] - largest);
                scores[i + 1] = XMath.Exp2Approximate(scores[i + 1] - largest);
                total += scores[i] + scores[i + 1];
            }

            totals[half] = total;
        }
    }

    /// <summary>Rounds weights in pairs: so they are the first operand of the next product.</summary>
    private static void Round<TWord>(ArrayView<float> exponentials, ArrayView<MatrixFragmentA> weights)
        where TWord : struct, IFragmentWord
    {
        for (int i = 0; i < Keys / StepDepth; i++)
        {
            int at = i * 8;
            weights[i] = new(
                TWord.Pack(exponentials[at], exponentials[at + 1]),
                TWord.Pack(exponentials[at + 2], exponentials[at + 3]),
                TWord.Pack(exponentials[at + 4], exponentials[at + 5]),
                TWord.Pack(exponentials[at + 6], exponentials[at + 7]));
        }
    }
}
