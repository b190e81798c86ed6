using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Kernels of one operation each.</summary>
internal static class TensorKernels
{
    /// <summary>A tile for each warp: its fragments lie lane after lane, 4 words of A, 2 of B, 4 sums.</summary>
    public static void Multiply<T>(ArrayView<uint> a, ArrayView<uint> b, ArrayView<float> c)
        where T : unmanaged
    {
        int lane = Grid.GlobalIndex.X;
        var ofA = new MatrixFragmentA(a[4 * lane], a[(4 * lane) + 1], a[(4 * lane) + 2], a[(4 * lane) + 3]);
        var ofB = new MatrixFragmentB(b[2 * lane], b[(2 * lane) + 1]);
        var sums = new MatrixAccumulator(c[4 * lane], c[(4 * lane) + 1], c[(4 * lane) + 2], c[(4 * lane) + 3]);
        MatrixAccumulator result = TensorCore.MultiplyAdd<T>(ofA, ofB, sums);
        c[4 * lane] = result.TopLeft;
        c[(4 * lane) + 1] = result.TopRight;
        c[(4 * lane) + 2] = result.BottomLeft;
        c[(4 * lane) + 3] = result.BottomRight;
    }

    /// <summary>The sum of as many products of the same fragments, from zero.</summary>
    public static void MultiplyInLoop(ArrayView<uint> a, ArrayView<float> c, int times)
    {
        var sums = default(MatrixAccumulator);
        int lane = Group.IdxX;
        for (int i = 0; i < times; i++)
        {
            var ofA = new MatrixFragmentA(a[lane], a[32 + lane], a[64 + lane], a[96 + lane]);
            sums = TensorCore.MultiplyAdd<BFloat16>(ofA, ofA.SecondB, sums); // JIT0019 where warps have 16 lanes
        }

        c[lane] = sums.TopLeft;
        c[32 + lane] = sums.TopRight;
        c[64 + lane] = sums.BottomLeft;
        c[96 + lane] = sums.BottomRight;
    }

    /// <summary>As many products of ones as the lanes' counts, which are the same, say; some lanes add one each time.</summary>
    public static void MultiplyAsDataSays(ArrayView<uint> a, ArrayView<int> counts, ArrayView<float> c)
    {
        var sums = default(MatrixAccumulator);
        int lane = Group.IdxX;
        for (int i = 0; i < counts[lane]; i++)
        {
            var ofA = new MatrixFragmentA(a[lane], a[32 + lane], a[64 + lane], a[96 + lane]);
            sums = TensorCore.MultiplyAdd<BFloat16>(ofA, ofA.FirstB, sums);
            if ((lane & 3) == 0)
            {
                sums = new(sums.TopLeft + 1, sums.TopRight, sums.BottomLeft, sums.BottomRight);
            }
        }

        c[lane] = sums.TopLeft;
    }

    /// <summary>
    /// Brings source, of 32 rows of 8 elements, into the shared memory of each warp. Lane l names row rows[l]; then it writes four, two
    /// and one matrix, plain and transposed, as 14 words.
    /// </summary>
    public static void LoadMatrices(ArrayView<ushort> source, ArrayView<int> rows, ArrayView<uint> result)
    {
        ArrayView<ushort> shared = SharedMemory.Allocate<ushort>(2 * 256);
        ArrayView<ushort> memory = shared.SubView(256 * Warp.WarpIdx, 256);
        for (int i = Warp.LaneIdx; i < 256; i += 32)
        {
            memory[i] = source[(256 * Warp.WarpIdx) + i];
        }

        Group.Barrier();
        int row = 8 * rows[Warp.LaneIdx];
        ArrayView<uint> own = result.SubView(14 * Group.IdxX, 14);
        MatrixFragmentA four = TensorCore.LoadMatrices4(memory, row);
        own[0] = four.Matrix0;
        own[1] = four.Matrix1;
        own[2] = four.Matrix2;
        own[3] = four.Matrix3;
        MatrixFragmentB two = TensorCore.LoadMatrices2(memory, row);
        own[4] = two.Matrix0;
        own[5] = two.Matrix1;
        own[6] = TensorCore.LoadMatrix(memory, row);
        four = TensorCore.LoadMatrices4Transposed(memory, row);
        own[7] = four.Matrix0;
        own[8] = four.Matrix1;
        own[9] = four.Matrix2;
        own[10] = four.Matrix3;
        two = TensorCore.LoadMatrices2Transposed(memory, row);
        own[11] = two.Matrix0;
        own[12] = two.Matrix1;
        own[13] = TensorCore.LoadMatrixTransposed(memory, row);
    }

    /// <summary>Copies 4, 8, 16 and a part of 16 bytes a lane, in two groups, and reads what the neighbour has copied.</summary>
    public static void Copies(ArrayView<uint> source, ArrayView<uint> result)
    {
        int lane = Group.IdxX;
        int neighbour = (lane + 1) & 31;
        ArrayView<uint> shared = SharedMemory.Allocate<uint>(32 * 12);
        AsyncCopy.Copy16(shared, 4 * lane, source, 4 * lane);
        AsyncCopy.Copy8(shared, 128 + (2 * lane), source, 128 + (2 * lane));
        AsyncCopy.Commit();
        AsyncCopy.Copy4(shared, 192 + lane, source, 192 + lane);
        AsyncCopy.Copy16(shared, 256 + (4 * lane), source, 4 * lane, 4 * (lane % 5));
        AsyncCopy.Commit();
        AsyncCopy.Wait(1);
        Group.Barrier();
        ArrayView<uint> own = result.SubView(11 * lane, 11);
        for (int i = 0; i < 4; i++)
        {
            own[i] = shared[(4 * neighbour) + i];
        }

        own[4] = shared[128 + (2 * neighbour)];
        own[5] = shared[129 + (2 * neighbour)];
        AsyncCopy.Wait(0);
        Group.Barrier();
        own[6] = shared[192 + neighbour];
        for (int i = 0; i < 4; i++)
        {
            own[7 + i] = shared[256 + (4 * neighbour) + i];
        }
    }

    public static void ForgetsToWait(ArrayView<uint> source, ArrayView<uint> result)
    {
        ArrayView<uint> shared = SharedMemory.Allocate<uint>(32);
        AsyncCopy.Copy4(shared, Group.IdxX, source, Group.IdxX);
        AsyncCopy.Commit();
        Group.Barrier();
        result[Group.IdxX] = shared[Group.IdxX]; // not waited for
    }

    public static void WaitsForTooFew(ArrayView<uint> source, ArrayView<uint> result)
    {
        ArrayView<uint> shared = SharedMemory.Allocate<uint>(32);
        AsyncCopy.Copy4(shared, Group.IdxX, source, Group.IdxX);
        AsyncCopy.Commit();
        AsyncCopy.Wait(1);
        result[Group.IdxX] = shared[Group.IdxX]; // still on its way
    }

    public static void ForgetsTheBarrier(ArrayView<uint> source, ArrayView<uint> result)
    {
        ArrayView<uint> shared = SharedMemory.Allocate<uint>(32);
        AsyncCopy.Copy4(shared, Group.IdxX, source, Group.IdxX);
        AsyncCopy.Commit();
        AsyncCopy.Wait(0);
        result[Group.IdxX] = shared[(Group.IdxX + 1) & 31];
    }

    public static void CopiesUnaligned(ArrayView<uint> source, ArrayView<uint> result)
    {
        ArrayView<uint> shared = SharedMemory.Allocate<uint>(64);
        AsyncCopy.Copy16(shared, 4, source, 1);
        AsyncCopy.Commit();
        AsyncCopy.Wait(0);
        result[0] = shared[4];
    }

    public static void MultipliesWords(ArrayView<uint> a, ArrayView<float> c)
    {
        var sums = TensorCore.MultiplyAdd<uint>(new(a[0], a[1], a[2], a[3]), new(a[0], a[1]), default); // JIT0020
        c[0] = sums.TopLeft;
    }

    public static void WaitsForSome(ArrayView<uint> a, int groups)
    {
        AsyncCopy.Wait(groups); // JIT0021
        a[0] = 1;
    }

    public static void LoadsFromABuffer(ArrayView<ushort> a, ArrayView<uint> c) => c[0] = TensorCore.LoadMatrix(a, 0); // JIT0022

    public static void CopiesBack(ArrayView<uint> a)
    {
        ArrayView<uint> shared = SharedMemory.Allocate<uint>(32);
        AsyncCopy.Copy4(a, 0, shared, 0); // JIT0022
    }
}
