using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit;

/// <summary>Kernels with a fault each. The comment on the faulty line is what the tests look for.</summary>
internal static class FaultyKernels
{
    public static void WritesOneTooFar(ArrayView<float> data)
    {
        int i = Grid.GlobalIndex.X;
        data[i] = i; // outside the view
    }

    public static void ForgetsABarrier(ArrayView<float> data)
    {
        var shared = SharedMemory.Allocate<float>(16);
        int lane = Group.IdxX;
        shared[lane] = lane + 1; // writes its own
        float neighbour = shared[lane ^ 1]; // reads its neighbour
        data[Grid.GlobalIndex.X] = neighbour;
    }

    public static void AllWriteTheFirst(ArrayView<float> data)
    {
        data[0] = Group.IdxX + 1; // all write
    }

    public static void GroupsShareAnElement(ArrayView<float> data)
    {
        Group.Barrier();
        if (Group.IdxX == 0)
        {
            data[3] = Grid.IdxX + 1;
        }

        Group.Barrier();
    }

    public static void OverwritesWhatOthersRead(ArrayView<float> data)
    {
        float sum = data[7]; // is read
        if (Group.IdxX == 7)
        {
            data[7] = sum + 1; // overwrites
        }
    }

    public static void MixesAtomicAndPlain(ArrayView<float> data)
    {
        if (Group.IdxX == 0)
        {
            data[0] = 5;
        }
        else
        {
            Atomic.Add(ref data[0], 1f);
        }
    }

    public static void LeavesBeforeTheBarrier(ArrayView<float> data)
    {
        if (Group.IdxX == 3)
        {
            return;
        }

        Group.Barrier(); // not for all
        data[Group.IdxX] = 1;
    }

    public static void EachBranchHasABarrier(ArrayView<float> data)
    {
        if ((Group.IdxX & 1) == 0)
        {
            Group.Barrier(); // even lanes
        }
        else
        {
            Group.Barrier();
        }

        data[Group.IdxX] = 1;
    }

    public static void HalfAWarpShuffles(ArrayView<float> data)
    {
        float value = Group.IdxX;
        if (Warp.LaneIdx < 4)
        {
            value = Warp.ShuffleXor(value, 1); // half a warp
        }

        data[Group.IdxX] = value;
    }

    public static void ReadsUnwrittenShared(ArrayView<float> data)
    {
        var shared = SharedMemory.Allocate<float>(8);
        shared[Group.IdxX + 1] = 1;
        Group.Barrier();
        data[Grid.GlobalIndex.X] = shared[Group.IdxX]; // nobody wrote
    }

    public static void OnlyTheFirstGroupWrites(ArrayView<float> data)
    {
        var shared = SharedMemory.Allocate<float>(4);
        if (Grid.IdxX == 0)
        {
            shared[Group.IdxX] = 1;
        }

        data[Grid.GlobalIndex.X] = shared[Group.IdxX];
    }

    public static void DividesByZero(ArrayView<float> data)
    {
        int divisor = Group.IdxX - 2;
        data[Group.IdxX] = 10 / divisor; // by zero
    }
}
