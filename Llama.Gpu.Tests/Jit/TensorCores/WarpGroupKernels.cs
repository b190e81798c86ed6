using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Kernels of warp groups, barriers with phases and tensor maps: right ones, and ones with an error each.</summary>
internal static class WarpGroupKernels
{
    private const int Rows = 64;
    private const int Columns = 64;
    private const int Depth = 64;
    private const int BoxBytes = Rows * Depth * 2;
    private const int Barriers = 4096;

    /// <summary>64 x 64 sums of 64 products by 128 lanes, lane after lane, from boxes; a second time on top if asked.</summary>
    public static void Multiply<T>(TensorMap<T> a, TensorMap<T> b, ArrayView<float> result, int times)
        where T : unmanaged
    {
        ArrayView<T> memory = SharedMemory.GetDynamic<T>();
        ArrayView<ulong> barrier = SharedMemory.Allocate<ulong>(1);
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns / 2);
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barrier, 0, 1);
            AsyncBarrier.ArriveAndExpect(barrier, 0, 2 * BoxBytes);
            a.Load(memory, 0, 0, 0, barrier, 0);
            b.Load(memory, Rows * Depth, 0, 0, barrier, 0);
        }

        Group.Barrier();
        AsyncBarrier.Wait(barrier, 0, 0);
        float before = 0f;
        for (int time = 0; time < times; time++)
        {
            WarpGroup.Fence();
            for (int k = 0; k < Depth; k += 16)
            {
                WarpGroup.MultiplyAdd(sums, Columns, memory, k, memory, (Rows * Depth) + k, time > 0 || k > 0);
            }

            WarpGroup.Commit();
            WarpGroup.Wait(0);
            before += time + 1 < times ? sums[3] : 0f;
        }

        ArrayView<float> own = result.SubView(Group.IdxX * ((Columns / 2) + 1), (Columns / 2) + 1);
        for (int i = 0; i < Columns / 2; i++)
        {
            own[i] = sums[i];
        }

        own[Columns / 2] = before;
    }

    /// <summary>The same of operands that lanes store, swizzled by themselves.</summary>
    public static void MultiplyStored(ArrayView<BFloat16> a, ArrayView<BFloat16> b, ArrayView<float> result)
    {
        ArrayView<BFloat16> ofA = SharedMemory.Allocate<BFloat16>(Rows * Depth);
        ArrayView<BFloat16> ofB = SharedMemory.Allocate<BFloat16>(Columns * Depth);
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns / 2);
        for (int i = Group.IdxX; i < Rows * Depth; i += Group.DimX)
        {
            int row = i / Depth;
            int place = (row * Depth) + ((((i % Depth) >> 3) ^ (row & 7)) << 3) + (i & 7);
            ofA[place] = a[i];
            ofB[place] = b[i];
        }

        WarpGroup.FenceStores();
        Group.Barrier();
        WarpGroup.Fence();
        for (int k = 0; k < Depth; k += 16)
        {
            WarpGroup.MultiplyAdd(sums, Columns, ofA, k, ofB, k, k > 0);
        }

        WarpGroup.Commit();
        WarpGroup.Wait(0);
        for (int i = 0; i < Columns / 2; i++)
        {
            result[(Group.IdxX * (Columns / 2)) + i] = sums[i];
        }
    }

    /// <summary>
    /// 64 x 128 sums of 64 products, A held by the lanes, who load it in pairs, and B as rows, in two boxes; a second time on top if asked.
    /// </summary>
    public static void MultiplyHeld<T>(ArrayView<uint> a, TensorMap<T> b, ArrayView<float> result, int times)
        where T : unmanaged
    {
        ArrayView<T> memory = SharedMemory.GetDynamic<T>();
        ArrayView<ulong> barrier = SharedMemory.Allocate<ulong>(1);
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns);
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barrier, 0, 1);
            AsyncBarrier.ArriveAndExpect(barrier, 0, 2 * BoxBytes);
            b.Load(memory, 0, 0, 0, barrier, 0);
            b.Load(memory, Depth * Columns, 0, Columns, barrier, 0);
        }

        Group.Barrier();
        AsyncBarrier.Wait(barrier, 0, 0);
        ArrayView<uint> own = a.SubView((((Warp.WarpIdx * 16) + (Warp.LaneIdx >> 2)) * Depth / 2) + (Warp.LaneIdx & 3));
        for (int time = 0; time < times; time++)
        {
            WarpGroup.Fence();
            for (int k = 0; k < Depth; k += 16)
            {
                int at = k / 2;
                var fragment = new MatrixFragmentA(own[at], own[at + (8 * Depth / 2)], own[at + 4], own[at + (8 * Depth / 2) + 4]);
                WarpGroup.MultiplyAddHeld(sums, 2 * Columns, fragment, memory, k * Columns, Depth * Columns, time > 0 || k > 0);
            }

            WarpGroup.Commit();
            WarpGroup.Wait(0);
        }

        for (int i = 0; i < Columns; i++)
        {
            result[(Group.IdxX * Columns) + i] = sums[i];
        }
    }

    /// <summary>A box as it lies in shared memory.</summary>
    public static void Box(TensorMap<BFloat16> map, ArrayView<BFloat16> result, int boxRows, int row, int column)
    {
        ArrayView<BFloat16> memory = SharedMemory.GetDynamic<BFloat16>();
        ArrayView<ulong> barrier = SharedMemory.Allocate<ulong>(1);
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barrier, 0, 1);
        }

        Group.Barrier();
        if (Group.IdxX == 5)
        {
            map.Load(memory, 0, row, column, barrier, 0);
            AsyncBarrier.ArriveAndExpect(barrier, 0, boxRows * 128);
        }

        AsyncBarrier.Wait(barrier, 0, 0);
        for (int i = Group.IdxX; i < boxRows * Depth; i += Group.DimX)
        {
            result[i] = memory[i];
        }
    }

    /// <summary>Two warps: one hands numbers to the other through two places, each used again when it is free.</summary>
    public static void HandsOn(ArrayView<int> source, ArrayView<int> result, int steps)
    {
        ArrayView<int> places = SharedMemory.Allocate<int>(2 * 32);
        ArrayView<ulong> full = SharedMemory.Allocate<ulong>(2);
        ArrayView<ulong> free = SharedMemory.Allocate<ulong>(2);
        if (Group.IdxX == 40)
        {
            for (int i = 0; i < 2; i++)
            {
                AsyncBarrier.Initialize(full, i, 32);
                AsyncBarrier.Initialize(free, i, 1);
            }
        }

        Group.Barrier();
        for (int step = 0; step < steps; step++)
        {
            int place = step & 1;
            int parity = (step >> 1) & 1;
            if (Warp.WarpIdx == 0)
            {
                AsyncBarrier.Wait(free, place, parity ^ 1);
                places[(32 * place) + Warp.LaneIdx] = source[(32 * step) + Warp.LaneIdx];
                AsyncBarrier.Arrive(full, place);
            }
            else
            {
                AsyncBarrier.Wait(full, place, parity);
                result[(32 * step) + Warp.LaneIdx] = places[(32 * place) + (31 - Warp.LaneIdx)];
                Warp.Barrier();
                if (Warp.LaneIdx == 0)
                {
                    AsyncBarrier.Arrive(free, place);
                }
            }
        }
    }

    /// <summary>The reader says that a place is free while lanes of its warp still read.</summary>
    public static void FreesTooEarly(ArrayView<int> source, ArrayView<int> result, int steps)
    {
        ArrayView<int> place = SharedMemory.Allocate<int>(32);
        ArrayView<ulong> barriers = SharedMemory.Allocate<ulong>(2);
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barriers, 0, 32);
            AsyncBarrier.Initialize(barriers, 1, 1);
        }

        Group.Barrier();
        for (int step = 0; step < steps; step++)
        {
            if (Warp.WarpIdx == 0)
            {
                AsyncBarrier.Wait(barriers, 1, (step & 1) ^ 1);
                place[Warp.LaneIdx] = source[(32 * step) + Warp.LaneIdx]; // over what is read
                AsyncBarrier.Arrive(barriers, 0);
            }
            else
            {
                AsyncBarrier.Wait(barriers, 0, step & 1);
                result[(32 * step) + Warp.LaneIdx] = place[Warp.LaneIdx];
                if (Warp.LaneIdx == 0)
                {
                    AsyncBarrier.Arrive(barriers, 1);
                }
            }
        }
    }

    public static void WaitsForNobody(ArrayView<int> source, ArrayView<int> result, int arrivals)
    {
        ArrayView<ulong> barrier = SharedMemory.Allocate<ulong>(1);
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barrier, 0, arrivals);
        }

        Group.Barrier();
        if (Warp.WarpIdx == 0)
        {
            AsyncBarrier.Arrive(barrier, 0);
            AsyncBarrier.Wait(barrier, 0, 0); // never complete
        }

        result[Group.IdxX] = source[Group.IdxX];
    }

    public static void ReadsABoxTooEarly(TensorMap<BFloat16> map, ArrayView<BFloat16> result)
    {
        ArrayView<BFloat16> memory = SharedMemory.GetDynamic<BFloat16>();
        ArrayView<ulong> barrier = SharedMemory.Allocate<ulong>(1);
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barrier, 0, 1);
            AsyncBarrier.ArriveAndExpect(barrier, 0, 8 * 128);
            map.Load(memory, 0, 0, 0, barrier, 0);
        }

        Group.Barrier();
        result[Group.IdxX] = memory[Group.IdxX]; // not waited for
        AsyncBarrier.Wait(barrier, 0, 0);
    }

    public static void ReadsSumsTooEarly(TensorMap<BFloat16> map, ArrayView<float> result)
    {
        ArrayView<BFloat16> memory = SharedMemory.GetDynamic<BFloat16>();
        ArrayView<ulong> barrier = SharedMemory.Allocate<ulong>(1);
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns / 2);
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barrier, 0, 1);
            AsyncBarrier.ArriveAndExpect(barrier, 0, BoxBytes);
            map.Load(memory, 0, 0, 0, barrier, 0);
        }

        Group.Barrier();
        AsyncBarrier.Wait(barrier, 0, 0);
        WarpGroup.Fence();
        WarpGroup.MultiplyAdd(sums, Columns, memory, 0, memory, 0, false);
        WarpGroup.Commit();
        WarpGroup.Wait(1);
        result[Group.IdxX] = sums[0];
        WarpGroup.Wait(0);
    }

    /// <summary>One warp copies a second box over the first, which products that nobody has waited for still read.</summary>
    public static void FreesWhatIsMultiplied(TensorMap<BFloat16> map, ArrayView<float> result, int waits, int holds)
    {
        ArrayView<BFloat16> memory = SharedMemory.GetDynamic<BFloat16>();
        ArrayView<ulong> barriers = SharedMemory.Allocate<ulong>(2);
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns / 2);
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barriers, 0, 1);
            AsyncBarrier.Initialize(barriers, 1, 4);
        }

        Group.Barrier();
        if (Warp.WarpIdx >= 4)
        {
            if (Warp.WarpIdx == 4)
            {
                for (int box = 0; box < 2; box++)
                {
                    AsyncBarrier.Wait(barriers, 1, box ^ 1);
                    if (Warp.LaneIdx == 0)
                    {
                        AsyncBarrier.ArriveAndExpect(barriers, 0, BoxBytes);
                        map.Load(memory, 0, 0, 0, barriers, 0); // over what is multiplied
                    }
                }
            }
        }
        else
        {
            for (int box = 0; box < 2; box++)
            {
                AsyncBarrier.Wait(barriers, 0, box);
                WarpGroup.Fence();
                if (holds > 0)
                {
                    WarpGroup.MultiplyAddHeld(sums, Columns, default, memory, 0, Depth * Columns, false);
                }
                else
                {
                    WarpGroup.MultiplyAdd(sums, Columns, memory, 0, memory, 0, false);
                }

                WarpGroup.Commit();
                if (waits > 0)
                {
                    WarpGroup.Wait(0);
                }

                if (Warp.LaneIdx == 0)
                {
                    AsyncBarrier.Arrive(barriers, 1);
                }
            }

            WarpGroup.Wait(0);
            result[Group.IdxX] = sums[0];
        }
    }

    public static void WaitsInABuffer(ArrayView<ulong> barriers) => AsyncBarrier.Arrive(barriers, 0); // JIT0022

    public static void MultipliesABuffer(ArrayView<BFloat16> a, ArrayView<float> result)
    {
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns / 2);
        WarpGroup.MultiplyAdd(sums, Columns, a, 0, a, 0, false); // JIT0022
        result[0] = sums[0];
    }

    public static void TakesSomeRegisters(ArrayView<float> result)
    {
        WarpGroup.DecreaseRegisters(20); // JIT0024
        result[0] = 1;
    }

    public static void MultipliesSomeColumns(ArrayView<float> result, int columns)
    {
        ArrayView<BFloat16> memory = SharedMemory.GetDynamic<BFloat16>();
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns / 2);
        WarpGroup.MultiplyAdd(sums, columns, memory, 0, memory, 0, false); // JIT0025
        result[0] = sums[0];
    }

    public static void HoldsAgainstABuffer(ArrayView<BFloat16> b, ArrayView<float> result)
    {
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns / 2);
        WarpGroup.MultiplyAddHeld(sums, Columns, default, b, 0, Depth * Columns, false); // JIT0022
        result[0] = sums[0];
    }

    public static void MultipliesBlocksAnywhere(ArrayView<float> result)
    {
        ArrayView<BFloat16> memory = SharedMemory.GetDynamic<BFloat16>();
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns / 2);
        WarpGroup.MultiplyAddHeld(sums, Columns, default, memory, 0, 500, false); // JIT0026
        result[0] = sums[0];
    }

    public static void IndexesSums(ArrayView<float> result, int index)
    {
        ArrayView<BFloat16> memory = SharedMemory.GetDynamic<BFloat16>();
        ArrayView<float> sums = LocalMemory.Allocate<float>(Columns / 2);
        WarpGroup.MultiplyAdd(sums, Columns, memory, 0, memory, 0, false);
        result[0] = sums[index];
    }
}
