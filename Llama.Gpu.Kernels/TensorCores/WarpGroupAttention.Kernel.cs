namespace Llama.Gpu.Kernels;

/// <content>What runs on the device.</content>
public sealed partial class WarpGroupAttention
{
    // 65,536 registers over three warp groups, in the units that setmaxnreg takes
    private const int CopyingRegisters = 24;
    private const int MultiplyingRegisters = 240;

    private const int PartRows = WarpGroup.Size / 2;
    private const int BlockColumns = 64;
    private const int StepDepth = 16;
    private const int MultiplyingLanes = 2 * WarpGroup.Size;
    private const int WarpsOfPart = WarpGroup.Size / TensorCore.WarpSize;

    // the two slots of a stage
    private const int OfKeys = 0;
    private const int OfValues = 1;

    [GroupSize(Lanes)]
    internal static void Kernel<T, TElement, TWord, THead>(
        ArrayView<float> queries,
        TensorMap<T> keys,
        TensorMap<T> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> output,
        AttentionShape shape,
        int headsPerGroup,
        float scale)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TWord : struct, IFragmentWord
        where THead : struct, IWarpGroupHead
    {
        // one after the other: the queries, the slots of keys and values, the barriers, a number for each slot of a value
        ArrayView<T> memory = SharedMemory.GetDynamic<T>();
        ArrayView<T> queryTile = memory.SubView(0, Rows << THead.WidthShift);
        ArrayView<T> slots = memory.SubView(Rows << THead.WidthShift, (2 * Keys) << (THead.StageShift + THead.WidthShift));
        ArrayView<ulong> rest = memory.SubView((Rows + (2 * Keys << THead.StageShift)) << THead.WidthShift).Cast<ulong>();
        ArrayView<ulong> barriers = rest.SubView(0, BarrierCount<THead>());

        // 0, or the bits of NaN where a value is none to multiply with
        ArrayView<int> poison = rest.SubView(BarrierCount<THead>()).Cast<int>();
        for (int key = Group.IdxX; key < Keys << THead.StageShift; key += Lanes)
        {
            poison[key] = 0;
        }

        if (Group.IdxX == 0)
        {
            Initialize<THead>(barriers);
        }

        Group.Barrier();

        // the groups with the most keys come first, so that none of them runs alone at the end
        int firstRow = (Grid.DimY - 1 - Grid.IdxY) * Rows;
        int lastRow = IntrinsicMath.Min(firstRow + Rows, shape.TokenCount * headsPerGroup) - 1;
        int visible = shape.FirstPosition + (lastRow / headsPerGroup) + 1;
        int tiles = (visible + Keys - 1) / Keys;
        if (Warp.WarpIdx < WarpsOfPart)
        {
            WarpGroup.DecreaseRegisters(CopyingRegisters);
            if (Warp.WarpIdx == 0)
            {
                Copy<T, THead>(keys, values, slots, barriers, tiles);
            }
        }
        else
        {
            WarpGroup.IncreaseRegisters(MultiplyingRegisters);
            int part = (Warp.WarpIdx / WarpsOfPart) - 1;
            StageQueries<T, TElement, THead>(
                queries, cosines, sines, queryTile, shape, headsPerGroup, firstRow, part, lastRow, scale * AttentionRows.LogOfE);
            WarpGroup.FenceStores();
            AsyncBarrier.Arrive(barriers, Staged<THead>(part));
            AsyncBarrier.Wait(barriers, Staged<THead>(part), 0);
            Attend<T, TWord, THead>(queryTile, slots, barriers, poison, output, shape, headsPerGroup, firstRow, part, lastRow, tiles);
        }
    }

    private static int Lane => AttentionRows.Lane;

    /// <summary>Where chunk c, 8 elements, of a query stands: in tiles of 64 columns, swizzled.</summary>
    internal static int Place(int row, int chunk) => ((((chunk >> 3) * Rows) + row) * BlockColumns) + (((chunk & 7) ^ (row & 7)) << 3);

    // stages are filled one after the other, each with keys and values
    private static int Stage<THead>(int tile)
        where THead : struct, IWarpGroupHead => tile & ((1 << THead.StageShift) - 1);

    private static int Slot<THead>(int tile, int which)
        where THead : struct, IWarpGroupHead => (Stage<THead>(tile) << 1) + which;

    private static int Parity<THead>(int tile)
        where THead : struct, IWarpGroupHead => (tile >> THead.StageShift) & 1;

    // the barriers: of each slot, that it is full and that it is free; of each warp group, that its queries are there and that it is its turn
    private static int Full(int slot) => slot;

    private static int Free<THead>(int slot)
        where THead : struct, IWarpGroupHead => (2 << THead.StageShift) + slot;

    private static int Staged<THead>(int part)
        where THead : struct, IWarpGroupHead => (4 << THead.StageShift) + part;

    private static int Turn<THead>(int part)
        where THead : struct, IWarpGroupHead => (4 << THead.StageShift) + 2 + part;

    private static int ValuesChecked<THead>()
        where THead : struct, IWarpGroupHead => (4 << THead.StageShift) + 4;

    // one more, so that what follows begins at a multiple of 16 bytes
    private static int BarrierCount<THead>()
        where THead : struct, IWarpGroupHead => (4 << THead.StageShift) + 6;

    private static void Initialize<THead>(ArrayView<ulong> barriers)
        where THead : struct, IWarpGroupHead
    {
        for (int slot = 0; slot < 2 << THead.StageShift; slot++)
        {
            AsyncBarrier.Initialize(barriers, Full(slot), 1);
            AsyncBarrier.Initialize(barriers, Free<THead>(slot), 2 * WarpsOfPart);
        }

        for (int part = 0; part < 2; part++)
        {
            AsyncBarrier.Initialize(barriers, Staged<THead>(part), WarpGroup.Size);
            AsyncBarrier.Initialize(barriers, Turn<THead>(part), WarpsOfPart);
        }

        AsyncBarrier.Initialize(barriers, ValuesChecked<THead>(), MultiplyingLanes);
    }

    /// <summary>One warp brings tile after tile, as slots become free: keys a tile ahead of values, as they are multiplied.</summary>
    private static void Copy<T, THead>(TensorMap<T> keys, TensorMap<T> values, ArrayView<T> slots, ArrayView<ulong> barriers, int tiles)
        where T : unmanaged
        where THead : struct, IWarpGroupHead
    {
        CopyTile<T, THead>(keys, slots, barriers, 0, OfKeys);
        for (int tile = 1; tile < tiles; tile++)
        {
            CopyTile<T, THead>(keys, slots, barriers, tile, OfKeys);
            CopyTile<T, THead>(values, slots, barriers, tile - 1, OfValues);
        }

        CopyTile<T, THead>(values, slots, barriers, tiles - 1, OfValues);
    }

    private static void CopyTile<T, THead>(TensorMap<T> map, ArrayView<T> slots, ArrayView<ulong> barriers, int tile, int which)
        where T : unmanaged
        where THead : struct, IWarpGroupHead
    {
        // a slot that nobody has used is free: a barrier begins as if the phase before were complete
        int slot = Slot<THead>(tile, which);
        AsyncBarrier.Wait(barriers, Free<THead>(slot), Parity<THead>(tile) ^ 1);
        if (Warp.LaneIdx == 0)
        {
            AsyncBarrier.ArriveAndExpect(barriers, Full(slot), (Keys << THead.WidthShift) * Interop.SizeOf<T>());
            for (int column = 0; column < 1 << THead.WidthShift; column += BlockColumns)
            {
                map.Load(
                    slots, (slot * Keys << THead.WidthShift) + (column * Keys), tile * Keys, (Grid.IdxX << THead.WidthShift) + column, barriers, Full(slot));
            }
        }
    }

    /// <summary>Brings a warp group's queries into shared memory, turned, scaled and rounded; past the last row that row again.</summary>
    private static void StageQueries<T, TElement, THead>(
        ArrayView<float> queries,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<T> tile,
        AttentionShape shape,
        int headsPerGroup,
        int firstRow,
        int part,
        int lastRow,
        float factor)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where THead : struct, IWarpGroupHead
    {
        int half = 1 << (THead.WidthShift - 1);
        int chunks = half >> 3;
        for (int item = Group.IdxX & (WarpGroup.Size - 1); item < PartRows * chunks; item += WarpGroup.Size)
        {
            int row = (part * PartRows) + (item >> (THead.WidthShift - 4));
            int chunk = item & (chunks - 1);
            int actual = IntrinsicMath.Min(firstRow + row, lastRow);
            long source = ((long)AttentionRows.QueryIndex(shape, headsPerGroup, actual) << THead.WidthShift) + (chunk << 3);
            long angle = ((long)(shape.FirstPosition + (actual / headsPerGroup)) * half) + (chunk << 3);
            AttentionRows.Turn<T, TElement>(
                queries, cosines, sines, tile, source, angle, half, Place(row, chunk), Place(row, chunk + chunks), factor);
        }
    }

    /// <summary>
    /// A warp group's 64 rows. It begins with the scores of a tile and the values of the tile before, and computes the softmax of the
    /// scores while the values are multiplied. The warp groups begin in turns, so that one computes while the other's products run.
    /// </summary>
    private static void Attend<T, TWord, THead>(
        ArrayView<T> queryTile,
        ArrayView<T> slots,
        ArrayView<ulong> barriers,
        ArrayView<int> poison,
        ArrayView<float> output,
        AttentionShape shape,
        int headsPerGroup,
        int firstRow,
        int part,
        int lastRow,
        int tiles)
        where T : unmanaged
        where TWord : struct, IFragmentWord
        where THead : struct, IWarpGroupHead
    {
        ArrayView<float> scores = LocalMemory.Allocate<float>(Keys >> 1);
        ArrayView<float> sums = LocalMemory.Allocate<float>(1 << (THead.WidthShift - 1));
        ArrayView<float> exponentials = LocalMemory.Allocate<float>(Keys >> 1);
        ArrayView<MatrixFragmentA> weights = LocalMemory.Allocate<MatrixFragmentA>(Keys / StepDepth);

        // of a lane's two rows: the largest score so far, the total of the weights, what brings sums so far to a new largest score
        ArrayView<float> maxima = LocalMemory.Allocate<float>(2);
        ArrayView<float> totals = LocalMemory.Allocate<float>(2);
        ArrayView<float> factors = LocalMemory.Allocate<float>(2);
        for (int i = 0; i < 2; i++)
        {
            maxima[i] = float.NegativeInfinity;
            totals[i] = 0f;
        }

        for (int i = 0; i < 1 << (THead.WidthShift - 1); i++)
        {
            sums[i] = 0f;
        }

        int row = firstRow + (part * PartRows) + ((Warp.WarpIdx & (WarpsOfPart - 1)) << 4) + (Lane >> 2);

        // from it on, tiles have keys that the group's first row does not see
        int firstMasked = (shape.FirstPosition + (firstRow / headsPerGroup) + 1) / Keys;

        AsyncBarrier.Wait(barriers, Full(OfKeys), 0);
        WarpGroup.Fence();
        BeginScores<T, THead>(queryTile, slots, scores, part, OfKeys);
        WarpGroup.Commit();
        WarpGroup.Wait(0);
        Release<THead>(barriers, OfKeys);
        Take(scores, exponentials);
        if (firstMasked == 0)
        {
            SetApart<T, TWord, THead>(slots, barriers, poison, 0, 0);
            Mask(exponentials, poison.SubView(0, Keys), shape, headsPerGroup, row, 0);
        }

        Soften(exponentials, maxima, totals, factors);
        Round<TWord>(exponentials, weights);
        AwaitKeys<THead>(barriers, 1, tiles);
        for (int tile = 1; tile < tiles; tile++)
        {
            int keySlot = Slot<THead>(tile, OfKeys);
            int valueSlot = Slot<THead>(tile - 1, OfValues);
            AsyncBarrier.Wait(barriers, Turn<THead>(part), (tile ^ part) & 1);
            WarpGroup.Fence();
            BeginScores<T, THead>(queryTile, slots, scores, part, keySlot);
            WarpGroup.Commit();
            AsyncBarrier.Wait(barriers, Full(valueSlot), Parity<THead>(tile - 1));
            BeginValues<T, THead>(slots, weights, sums, valueSlot);
            WarpGroup.Commit();
            if (Warp.LaneIdx == 0)
            {
                AsyncBarrier.Arrive(barriers, Turn<THead>(1 - part));
            }

            WarpGroup.Wait(1);
            Release<THead>(barriers, keySlot);
            Take(scores, exponentials);
            if (tile >= firstMasked)
            {
                SetApart<T, TWord, THead>(slots, barriers, poison, tile, (tile - firstMasked) & 1);
                Mask(exponentials, poison.SubView(Stage<THead>(tile) * Keys, Keys), shape, headsPerGroup, row, tile * Keys);
            }

            Soften(exponentials, maxima, totals, factors);

            // Here, and not where the keys are needed: a wait ends a block of the machine code, out of which the assembler does not move the
            // softmax. Within a block it puts the wait for the values first, and nothing is left to compute beside them.
            AwaitKeys<THead>(barriers, tile + 1, tiles);
            WarpGroup.Wait(0);
            Release<THead>(barriers, valueSlot);
            for (int i = 0; i < 1 << (THead.WidthShift - 1); i++)
            {
                sums[i] *= factors[(i >> 1) & 1];
            }

            Round<TWord>(exponentials, weights);
        }

        int lastSlot = Slot<THead>(tiles - 1, OfValues);
        AsyncBarrier.Wait(barriers, Full(lastSlot), Parity<THead>(tiles - 1));
        WarpGroup.Fence();
        BeginValues<T, THead>(slots, weights, sums, lastSlot);
        WarpGroup.Commit();
        WarpGroup.Wait(0);
        Store<THead>(output, sums, totals, shape, headsPerGroup, row, lastRow);
    }

    private static void AwaitKeys<THead>(ArrayView<ulong> barriers, int tile, int tiles)
        where THead : struct, IWarpGroupHead
    {
        if (tile < tiles)
        {
            AsyncBarrier.Wait(barriers, Full(Slot<THead>(tile, OfKeys)), Parity<THead>(tile));
        }
    }

    private static void Release<THead>(ArrayView<ulong> barriers, int slot)
        where THead : struct, IWarpGroupHead
    {
        if (Warp.LaneIdx == 0)
        {
            AsyncBarrier.Arrive(barriers, Free<THead>(slot));
        }
    }

    /// <summary>Begins the scores of a warp group's queries with a tile of keys.</summary>
    private static void BeginScores<T, THead>(ArrayView<T> queryTile, ArrayView<T> slots, ArrayView<float> scores, int part, int slot)
        where T : unmanaged
        where THead : struct, IWarpGroupHead
    {
        for (int k = 0; k < 1 << THead.WidthShift; k += StepDepth)
        {
            int inBlock = k & (BlockColumns - 1);
            WarpGroup.MultiplyAdd(
                scores,
                Keys,
                queryTile,
                ((k - inBlock) * Rows) + (part * PartRows * BlockColumns) + inBlock,
                slots,
                (slot * Keys << THead.WidthShift) + ((k - inBlock) * Keys) + inBlock,
                k > 0);
        }
    }

    /// <summary>Begins to add a tile's values, times their weights, to the sums.</summary>
    private static void BeginValues<T, THead>(ArrayView<T> slots, ArrayView<MatrixFragmentA> weights, ArrayView<float> sums, int slot)
        where T : unmanaged
        where THead : struct, IWarpGroupHead
    {
        for (int k = 0; k < Keys; k += StepDepth)
        {
            WarpGroup.MultiplyAddHeld(
                sums, 1 << THead.WidthShift, weights[k / StepDepth], slots, (slot * Keys << THead.WidthShift) + (k * BlockColumns), Keys * BlockColumns, true);
        }
    }

    private static void Store<THead>(
        ArrayView<float> output, ArrayView<float> sums, ArrayView<float> totals, AttentionShape shape, int headsPerGroup, int row, int lastRow)
        where THead : struct, IWarpGroupHead
    {
        for (int half = 0; half < 2; half++)
        {
            float share = XMath.Rcp(AttentionRows.Sum(totals[half]));
            int own = row + (8 * half);
            long at = ((long)AttentionRows.QueryIndex(shape, headsPerGroup, own) << THead.WidthShift) + ((Lane & 3) << 1);
            if (own <= lastRow)
            {
                for (int j = 0; j < 1 << (THead.WidthShift - 3); j++)
                {
                    output[at + (j << 3)] = sums[(4 * j) + (2 * half)] * share;
                    output[at + (j << 3) + 1] = sums[(4 * j) + (2 * half) + 1] * share;
                }
            }
        }
    }
}
