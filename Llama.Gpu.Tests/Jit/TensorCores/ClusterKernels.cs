using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Kernels of clusters: a right one, and ones with an error each.</summary>
internal static class ClusterKernels
{
    private const int BoxRows = 16;
    private const int Groups = 2;
    private const int Columns = 64;

    /// <summary>Boxes that two groups fetch for each other, through one place that is used again when both are done with it.</summary>
    [ClusterSize(Groups)]
    public static void Boxes(TensorMap<BFloat16> map, ArrayView<BFloat16> result, int steps)
    {
        ArrayView<BFloat16> memory = SharedMemory.GetDynamic<BFloat16>();
        ArrayView<ulong> barriers = SharedMemory.Allocate<ulong>(2);
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialize(barriers, 0, 1);
            AsyncBarrier.Initialize(barriers, 1, Groups);
        }

        Cluster.Barrier();
        for (int step = 0; step < steps; step++)
        {
            AsyncBarrier.Wait(barriers, 1, (step & 1) ^ 1);
            if (Group.IdxX == 3)
            {
                AsyncBarrier.ArriveAndExpect(barriers, 0, Groups * BoxRows * Columns * 2);
                Cluster.Load(map, memory, 0, BoxRows, step * Groups * BoxRows, 0, barriers, 0, Groups);
            }

            AsyncBarrier.Wait(barriers, 0, step & 1);
            for (int i = Group.IdxX; i < Groups * BoxRows * Columns; i += Group.DimX)
            {
                result[(((Grid.IdxX * steps) + step) * Groups * BoxRows * Columns) + i] = memory[i];
            }

            Group.Barrier();
            if (Group.IdxX == 0)
            {
                Cluster.Arrive(barriers, 1, Groups);
            }
        }

        Cluster.Barrier();
    }

    [ClusterSize(Groups)]
    public static void ArrivesInFour(ArrayView<float> result)
    {
        Cluster.Arrive(SharedMemory.Allocate<ulong>(1), 0, 4); // JIT0027
        result[0] = 1;
    }

    public static void LoadsWithoutACluster(TensorMap<BFloat16> map, ArrayView<float> result)
    {
        Cluster.Load(map, SharedMemory.GetDynamic<BFloat16>(), 0, BoxRows, 0, 0, SharedMemory.Allocate<ulong>(1), 0, Groups); // JIT0027
        result[0] = 1;
    }

    [ClusterSize(Groups)]
    public static void LoadsAnyRows(TensorMap<BFloat16> map, ArrayView<float> result, int rows)
    {
        Cluster.Load(map, SharedMemory.GetDynamic<BFloat16>(), 0, rows, 0, 0, SharedMemory.Allocate<ulong>(1), 0, Groups); // JIT0027
        result[0] = 1;
    }
}
