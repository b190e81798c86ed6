namespace Llama.Gpu.Kernels;

/// <content>What runs on the device.</content>
public sealed partial class TensorCoreAttention
{
    internal static void Kernel<T, TElement, TWord, THead>(
        ArrayView<float> queries,
        ArrayView<T> keys,
        ArrayView<T> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> output,
        AttentionShape shape,
        int headsPerGroup,
        float scale)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TWord : struct, IFragmentWord
        where THead : struct, ITensorHead
    {
        ArrayView<T> shared = SharedMemory.GetDynamic<T>();
        ArrayView<MatrixAccumulator> sums = LocalMemory.Allocate<MatrixAccumulator>(RowTiles << (THead.WidthShift - 3));
        ArrayView<MatrixAccumulator> scores = LocalMemory.Allocate<MatrixAccumulator>(RowTiles * (THead.Keys >> 3));
        ArrayView<MatrixFragmentA> weights = LocalMemory.Allocate<MatrixFragmentA>(RowTiles * (THead.Keys >> 4));
        ArrayView<MatrixFragmentA> held = LocalMemory.Allocate<MatrixFragmentA>(THead.HoldsQueries ? RowTiles << (THead.WidthShift - 4) : 1);

        // a lane's own numbers, for which it has no registers left while it multiplies
        ArrayView<float> maxima = SharedMemory.Allocate<float>(2 * RowTiles * Lanes).SubView(Group.IdxX * 2 * RowTiles, 2 * RowTiles);
        ArrayView<float> totals = SharedMemory.Allocate<float>(2 * RowTiles * Lanes).SubView(Group.IdxX * 2 * RowTiles, 2 * RowTiles);

        // by stage and the place of a key in a tile: 0, or the bits of NaN where its value is none to multiply with
        ArrayView<int> poison = SharedMemory.Allocate<int>(Stages * THead.Keys);
        for (int key = Group.IdxX; key < Stages * THead.Keys; key += Lanes)
        {
            poison[key] = 0;
        }

        // the groups with the most keys come first, so that none of them runs alone at the end
        int firstRow = (Grid.DimY - 1 - Grid.IdxY) * Rows;
        int lastRow = IntrinsicMath.Min(firstRow + Rows, shape.TokenCount * headsPerGroup) - 1;
        int firstSeen = shape.FirstPosition + (firstRow / headsPerGroup);
        int visible = shape.FirstPosition + (lastRow / headsPerGroup) + 1;

        ArrayView<T> queryTile = shared.SubView(0, Rows << THead.WidthShift);
        StageQueries<T, TElement, THead>(queries, cosines, sines, queryTile, shape, headsPerGroup, firstRow, lastRow, scale * AttentionRows.LogOfE);
        StageKeys<T, THead>(keys, values, shared, shape, 0, visible, 0);
        AsyncCopy.Commit();

        int warpRow = (Group.IdxX / TensorCore.WarpSize) * (RowTiles << 4);
        for (int i = 0; i < 2 * RowTiles; i++)
        {
            maxima[i] = float.NegativeInfinity;
            totals[i] = 0f;
        }

        for (int i = 0; i < RowTiles << (THead.WidthShift - 3); i++)
        {
            sums[i] = default;
        }

        Group.Barrier();
        if (THead.HoldsQueries)
        {
            for (int k = 0; k < 1 << (THead.WidthShift - 4); k++)
            {
                for (int i = 0; i < RowTiles; i++)
                {
                    held[(i << (THead.WidthShift - 4)) + k] = LoadQueries<T, THead>(shared, 0, warpRow, i, k);
                }
            }
        }

        int stage = 0;
        for (int firstKey = 0; firstKey < visible; firstKey += THead.Keys)
        {
            // the tile has arrived, and all have done with the one before, whose place is free now
            AsyncCopy.Wait(0);
            bool isAtDiagonal = firstKey + THead.Keys - 1 > firstSeen;
            if (isAtDiagonal)
            {
                SetApart<T, TWord, THead>(shared, poison.SubView(stage * THead.Keys, THead.Keys), stage);
            }

            Group.Barrier();
            int tile = (Rows + (stage * 2 * THead.Keys)) << THead.WidthShift;
            stage = 1 - stage;
            if (firstKey + THead.Keys < visible)
            {
                StageKeys<T, THead>(keys, values, shared, shape, firstKey + THead.Keys, visible, stage);
                AsyncCopy.Commit();
            }

            for (int i = 0; i < RowTiles * (THead.Keys >> 3); i++)
            {
                scores[i] = default;
            }

            AddScores<T, THead>(shared, tile, held, scores, warpRow);
            if (isAtDiagonal)
            {
                Mask<THead>(scores, poison.SubView((1 - stage) * THead.Keys, THead.Keys), shape, headsPerGroup, firstRow + warpRow, firstKey);
            }

            Weigh<TWord, THead>(scores, weights, sums, maxima, totals);
            AddValues<T, THead>(shared, tile + (THead.Keys << THead.WidthShift), weights, sums);
        }

        Store<THead>(output, sums, totals, shape, headsPerGroup, firstRow + warpRow, lastRow);
    }

    private static int Lane => AttentionRows.Lane;

    /// <summary>
    /// Where chunk c, 8 elements, of a row stands: turned by the row, so that the 8 rows of a matrix, which are loaded at once, lie in
    /// different banks, and so do the chunks that neighbouring lanes store.
    /// </summary>
    internal static int Place(int row, int chunk, int widthShift) => (row << widthShift) + ((chunk ^ (row & 7)) << 3);

    /// <summary>Brings the group's queries into shared memory, turned, scaled and rounded; past the last row that row again.</summary>
    private static void StageQueries<T, TElement, THead>(
        ArrayView<float> queries,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<T> tile,
        AttentionShape shape,
        int headsPerGroup,
        int firstRow,
        int lastRow,
        float factor)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where THead : struct, ITensorHead
    {
        int half = 1 << (THead.WidthShift - 1);
        int chunks = half >> 3;
        for (int item = Group.IdxX; item < Rows * chunks; item += Lanes)
        {
            int row = item >> (THead.WidthShift - 4);
            int chunk = item & (chunks - 1);
            int actual = IntrinsicMath.Min(firstRow + row, lastRow);
            long source = ((long)AttentionRows.QueryIndex(shape, headsPerGroup, actual) << THead.WidthShift) + (chunk << 3);
            long angle = ((long)(shape.FirstPosition + (actual / headsPerGroup)) * half) + (chunk << 3);
            int low = Place(row, chunk, THead.WidthShift);
            int high = Place(row, chunk + chunks, THead.WidthShift);
            AttentionRows.Turn<T, TElement>(queries, cosines, sines, tile, source, angle, half, low, high, factor);
        }
    }

    /// <summary>Begins to copy a tile of keys and their values; past the last that the group sees stand zeros.</summary>
    private static void StageKeys<T, THead>(
        ArrayView<T> keys, ArrayView<T> values, ArrayView<T> shared, AttentionShape shape, int firstKey, int visible, int stage)
        where T : unmanaged
        where THead : struct, ITensorHead
    {
        int width = shape.KeyValueHeadCount << THead.WidthShift;
        int chunkShift = THead.WidthShift - 3;
        int row = Group.IdxX >> chunkShift;
        int chunk = Group.IdxX & ((1 << chunkShift) - 1);
        int column = (Grid.IdxX << THead.WidthShift) + (chunk << 3);

        // the rows of a lane are multiples of 8 apart, so the place of its chunk in them is the same
        int target = Place(Rows + (stage * 2 * THead.Keys) + row, chunk, THead.WidthShift);
        for (int i = 0; i < (THead.Keys << chunkShift) / Lanes; i++)
        {
            int below = i * (Lanes >> chunkShift);
            int key = firstKey + row + below;
            long source = ((long)IntrinsicMath.Min(key, visible - 1) * width) + column;
            int bytes = key < visible ? 16 : 0;
            AsyncCopy.Copy16(shared, target + (below << THead.WidthShift), keys, source, bytes);
            AsyncCopy.Copy16(shared, target + ((THead.Keys + below) << THead.WidthShift), values, source, bytes);
        }
    }

    /// <summary>A fragment of a warp's queries: rows from <paramref name="tile"/> * 16 on, elements from <paramref name="step"/> * 16 on.</summary>
    /// <remarks>
    /// Places are counted from an origin that changes with each tile of keys: else the compiler would keep one for each step in a register
    /// all along the loop, and there is none to spare.
    /// </remarks>
    private static MatrixFragmentA LoadQueries<T, THead>(ArrayView<T> shared, int origin, int warpRow, int tile, int step)
        where T : unmanaged
        where THead : struct, ITensorHead
    {
        int first = origin + Place(Lane & 15, Lane >> 4, THead.WidthShift);
        int toRows = (warpRow << THead.WidthShift) - origin;
        return TensorCore.LoadMatrices4(shared, (first ^ (step << 4)) + toRows + (tile << (THead.WidthShift + 4)));
    }

    /// <summary>Adds the scores of a warp's queries with a tile of keys.</summary>
    private static void AddScores<T, THead>(
        ArrayView<T> shared, int keyTile, ArrayView<MatrixFragmentA> held, ArrayView<MatrixAccumulator> scores, int warpRow)
        where T : unmanaged
        where THead : struct, ITensorHead
    {
        // The row that a lane names: 8 keys, their next chunk, 8 more keys. An exclusive or leads to the chunks of the next step.
        int first = keyTile + Place((Lane & 7) + ((Lane >> 4) << 3), (Lane >> 3) & 1, THead.WidthShift);
        ArrayView<MatrixFragmentA> rows = LocalMemory.Allocate<MatrixFragmentA>(RowTiles);
        for (int k = 0; k < 1 << (THead.WidthShift - 4); k++)
        {
            for (int i = 0; i < RowTiles; i++)
            {
                rows[i] = THead.HoldsQueries ? held[(i << (THead.WidthShift - 4)) + k] : LoadQueries<T, THead>(shared, keyTile, warpRow, i, k);
            }

            for (int j = 0; j < THead.Keys >> 3; j += 2)
            {
                MatrixFragmentA pair = TensorCore.LoadMatrices4(shared, (first ^ (k << 4)) + (j << (THead.WidthShift + 3)));
                for (int i = 0; i < RowTiles; i++)
                {
                    int at = (i * (THead.Keys >> 3)) + j;
                    scores[at] = TensorCore.MultiplyAdd<T>(rows[i], pair.FirstB, scores[at]);
                    scores[at + 1] = TensorCore.MultiplyAdd<T>(rows[i], pair.SecondB, scores[at + 1]);
                }
            }
        }
    }

    /// <summary>
    /// Clears the values of a tile that are infinite or no numbers, as each lane has copied them, and notes their keys. A tile at the
    /// diagonal has keys that some of the group's queries do not see: their weights are 0, and 0 times NaN would be NaN. A note is never
    /// taken back, since who sees a key of a later tile sees those of this one.
    /// </summary>
    private static void SetApart<T, TWord, THead>(ArrayView<T> shared, ArrayView<int> poison, int stage)
        where T : unmanaged
        where TWord : struct, IFragmentWord
        where THead : struct, ITensorHead
    {
        ArrayView<uint> words = shared.Cast<uint>();
        int chunkShift = THead.WidthShift - 3;
        int row = Group.IdxX >> chunkShift;
        int chunk = Group.IdxX & ((1 << chunkShift) - 1);
        int first = Place(Rows + (((stage * 2) + 1) * THead.Keys) + row, chunk, THead.WidthShift) >> 1;
        for (int i = 0; i < (THead.Keys << chunkShift) / Lanes; i++)
        {
            int below = i * (Lanes >> chunkShift);
            int at = first + (below << (THead.WidthShift - 1));
            bool isFinite = TWord.IsFinite(words[at]) & TWord.IsFinite(words[at + 1]) & TWord.IsFinite(words[at + 2]) & TWord.IsFinite(words[at + 3]);
            if (!isFinite)
            {
                for (int e = 0; e < 4; e++)
                {
                    words[at + e] = 0;
                }

                Atomic.Or(ref poison[row + below], AttentionRows.NotANumber);
            }
        }
    }

    /// <summary>Takes the scores of keys behind their queries away, whatever they are, and poisons those of keys that are set apart.</summary>
    private static void Mask<THead>(
        ArrayView<MatrixAccumulator> scores, ArrayView<int> poison, AttentionShape shape, int headsPerGroup, int warpRow, int firstKey)
        where THead : struct, ITensorHead
    {
        int row = warpRow + (Lane >> 2);
        int column = (Lane & 3) << 1;
        int before = shape.FirstPosition - firstKey - column;
        for (int i = 0; i < RowTiles; i++)
        {
            int top = before + ((row + (i << 4)) / headsPerGroup);
            int bottom = before + ((row + (i << 4) + 8) / headsPerGroup);
            for (int j = 0; j < THead.Keys >> 3; j++)
            {
                MatrixAccumulator score = scores[(i * (THead.Keys >> 3)) + j];
                float left = Interop.IntAsFloat((uint)poison[(8 * j) + column]);
                float right = Interop.IntAsFloat((uint)poison[(8 * j) + column + 1]);
                scores[(i * (THead.Keys >> 3)) + j] = new(
                    8 * j <= top ? score.TopLeft + left : float.NegativeInfinity,
                    (8 * j) + 1 <= top ? score.TopRight + right : float.NegativeInfinity,
                    8 * j <= bottom ? score.BottomLeft + left : float.NegativeInfinity,
                    (8 * j) + 1 <= bottom ? score.BottomRight + right : float.NegativeInfinity);
            }
        }
    }

    /// <summary>
    /// Turns a tile's scores into weights relative to the largest score so far, and brings the sums so far to that. Four lanes share a
    /// row; each adds up its own weights, and their totals meet at the end.
    /// </summary>
    private static void Weigh<TWord, THead>(
        ArrayView<MatrixAccumulator> scores,
        ArrayView<MatrixFragmentA> weights,
        ArrayView<MatrixAccumulator> sums,
        ArrayView<float> maxima,
        ArrayView<float> totals)
        where TWord : struct, IFragmentWord
        where THead : struct, ITensorHead
    {
        for (int i = 0; i < RowTiles; i++)
        {
            float top = maxima[2 * i];
            float bottom = maxima[(2 * i) + 1];
            for (int j = 0; j < THead.Keys >> 3; j++)
            {
                MatrixAccumulator score = scores[(i * (THead.Keys >> 3)) + j];
                top = XMath.Max(top, XMath.Max(score.TopLeft, score.TopRight));
                bottom = XMath.Max(bottom, XMath.Max(score.BottomLeft, score.BottomRight));
            }

            top = AttentionRows.Largest(top);
            bottom = AttentionRows.Largest(bottom);
            float topRescale = XMath.Exp2Approximate(maxima[2 * i] - top);
            float bottomRescale = XMath.Exp2Approximate(maxima[(2 * i) + 1] - bottom);
            maxima[2 * i] = top;
            maxima[(2 * i) + 1] = bottom;
            float topTotal = totals[2 * i] * topRescale;
            float bottomTotal = totals[(2 * i) + 1] * bottomRescale;
            for (int j = 0; j < THead.Keys >> 3; j += 2)
            {
                MatrixAccumulator left = Weights(scores[(i * (THead.Keys >> 3)) + j], top, bottom);
                MatrixAccumulator right = Weights(scores[(i * (THead.Keys >> 3)) + j + 1], top, bottom);
                topTotal += left.TopLeft + left.TopRight + (right.TopLeft + right.TopRight);
                bottomTotal += left.BottomLeft + left.BottomRight + (right.BottomLeft + right.BottomRight);
                weights[((i * (THead.Keys >> 3)) + j) >> 1] = new(
                    TWord.Pack(left.TopLeft, left.TopRight),
                    TWord.Pack(left.BottomLeft, left.BottomRight),
                    TWord.Pack(right.TopLeft, right.TopRight),
                    TWord.Pack(right.BottomLeft, right.BottomRight));
            }

            totals[2 * i] = topTotal;
            totals[(2 * i) + 1] = bottomTotal;
            for (int j = 0; j < 1 << (THead.WidthShift - 3); j++)
            {
                int at = (i << (THead.WidthShift - 3)) + j;
                MatrixAccumulator sum = sums[at];
                sums[at] = new(sum.TopLeft * topRescale, sum.TopRight * topRescale, sum.BottomLeft * bottomRescale, sum.BottomRight * bottomRescale);
            }
        }
    }

    private static MatrixAccumulator Weights(MatrixAccumulator score, float top, float bottom) => new(
        XMath.Exp2Approximate(score.TopLeft - top),
        XMath.Exp2Approximate(score.TopRight - top),
        XMath.Exp2Approximate(score.BottomLeft - bottom),
        XMath.Exp2Approximate(score.BottomRight - bottom));

    /// <summary>Adds a tile's values, times their weights, to the sums.</summary>
    private static void AddValues<T, THead>(ArrayView<T> shared, int valueTile, ArrayView<MatrixFragmentA> weights, ArrayView<MatrixAccumulator> sums)
        where T : unmanaged
        where THead : struct, ITensorHead
    {
        // the row that a lane names: 16 keys, and the next chunk of them
        int first = valueTile + Place(Lane & 15, Lane >> 4, THead.WidthShift);
        for (int n = 0; n < 1 << (THead.WidthShift - 4); n++)
        {
            for (int k = 0; k < THead.Keys >> 4; k++)
            {
                MatrixFragmentA pair = TensorCore.LoadMatrices4Transposed(shared, (first ^ (n << 4)) + (k << (THead.WidthShift + 4)));
                for (int i = 0; i < RowTiles; i++)
                {
                    int at = (i << (THead.WidthShift - 3)) + (n << 1);
                    sums[at] = TensorCore.MultiplyAdd<T>(weights[(i * (THead.Keys >> 4)) + k], pair.FirstB, sums[at]);
                    sums[at + 1] = TensorCore.MultiplyAdd<T>(weights[(i * (THead.Keys >> 4)) + k], pair.SecondB, sums[at + 1]);
                }
            }
        }
    }

    private static void Store<THead>(
        ArrayView<float> output,
        ArrayView<MatrixAccumulator> sums,
        ArrayView<float> totals,
        AttentionShape shape,
        int headsPerGroup,
        int warpRow,
        int lastRow)
        where THead : struct, ITensorHead
    {
        for (int i = 0; i < RowTiles; i++)
        {
            int row = warpRow + (i << 4) + (Lane >> 2);
            float topShare = XMath.Rcp(AttentionRows.Sum(totals[2 * i]));
            float bottomShare = XMath.Rcp(AttentionRows.Sum(totals[(2 * i) + 1]));
            long top = ((long)AttentionRows.QueryIndex(shape, headsPerGroup, row) << THead.WidthShift) + ((Lane & 3) << 1);
            long bottom = ((long)AttentionRows.QueryIndex(shape, headsPerGroup, row + 8) << THead.WidthShift) + ((Lane & 3) << 1);
            if (row <= lastRow)
            {
                for (int j = 0; j < 1 << (THead.WidthShift - 3); j++)
                {
                    MatrixAccumulator sum = sums[(i << (THead.WidthShift - 3)) + j];
                    output[top + (j << 3)] = sum.TopLeft * topShare;
                    output[top + (j << 3) + 1] = sum.TopRight * topShare;
                }
            }

            if (row + 8 <= lastRow)
            {
                for (int j = 0; j < 1 << (THead.WidthShift - 3); j++)
                {
                    MatrixAccumulator sum = sums[(i << (THead.WidthShift - 3)) + j];
                    output[bottom + (j << 3)] = sum.BottomLeft * bottomShare;
                    output[bottom + (j << 3) + 1] = sum.BottomRight * bottomShare;
                }
            }
        }
    }
}
