using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit;

/// <summary>Kernels without a fault that come close to one; for groups of 32 lanes.</summary>
internal static class SoundKernels
{
    public static void ReversesThroughShared(ArrayView<float> data)
    {
        var shared = SharedMemory.Allocate<float>(32);
        shared[Group.IdxX] = Grid.GlobalIndex.X;
        Group.Barrier();
        data[Grid.GlobalIndex.X] = shared[31 - Group.IdxX];
    }

    public static void SumsAtomically(ArrayView<float> data) => Atomic.Add(ref data[0], 1f);

    public static void ExchangesWithinWarps(ArrayView<float> data)
    {
        float value = data[Grid.GlobalIndex.X];
        for (int mask = Warp.WarpSize / 2; mask > 0; mask /= 2)
        {
            value += Warp.ShuffleXor(value, mask);
        }

        data[Grid.GlobalIndex.X] = value;
    }

    public static void SumsByWarpBarriers(ArrayView<float> data)
    {
        var shared = SharedMemory.Allocate<float>(32);
        shared[Group.IdxX] = 1;
        Warp.Barrier();
        float sum = 0;
        int first = Warp.WarpIdx * Warp.WarpSize;
        for (int i = 0; i < Warp.WarpSize; i++)
        {
            sum += shared[first + i];
        }

        Warp.Barrier();
        shared[Group.IdxX] = sum;
        data[Grid.GlobalIndex.X] = shared[Group.IdxX];
    }

    public static void WritesSingleBytes(ArrayView<float> data)
    {
        ArrayView<byte> bytes = data.Cast<byte>();
        bytes[Grid.GlobalIndex.X] = (byte)(Group.IdxX + 1);
    }
}
