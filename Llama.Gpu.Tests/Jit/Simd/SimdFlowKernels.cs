using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>Kernels whose lanes part and meet in every way, with a float for each lane of the launch.</summary>
internal static class SimdFlowKernels
{
    public static void PartsAndMeets(ArrayView<float> data)
    {
        int i = Grid.GlobalIndex.X;
        float value = data[i];
        if (value > 0.3f)
        {
            value *= 2;
            value = i % 3 == 0 ? value + 1 : value - 1;
        }
        else if (value < -0.3f)
        {
            value -= 5;
        }

        data[i] = value;
    }

    public static void TurnsAsOftenAsItsIndex(ArrayView<float> data)
    {
        int i = Grid.GlobalIndex.X;
        float sum = 0;
        int turns = 0;
        for (int k = 0; k < Group.IdxX % 7; k++)
        {
            sum += data[i] * k;
            turns += 2;
        }

        data[i] = sum + (turns * 100);
    }

    public static void BreaksAndContinues(ArrayView<float> data)
    {
        int i = Grid.GlobalIndex.X;
        float sum = 0;
        int last = -1;
        for (int k = 0; k < 20; k++)
        {
            if (((i + k) & 3) == 0)
            {
                continue;
            }

            if (k * k > i)
            {
                last = k;
                break;
            }

            for (int m = k; m < 6; m++)
            {
                if (((m ^ i) & 5) == 5)
                {
                    break;
                }

                sum += m;
            }
        }

        data[i] = sum + (last * 1000);
    }

    public static void ReturnsEarly(ArrayView<float> data)
    {
        int i = Grid.GlobalIndex.X;
        for (int k = 0; k < 10; k++)
        {
            data[i] += k;
            if (data[i] > 4 && i % 5 == k % 5)
            {
                return;
            }
        }

        data[i] = -data[i];
    }

    public static void WaitsInALoop(ArrayView<float> data)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(256);
        int lane = Group.LinearIndex;
        int lanes = Group.DimX;
        float value = data[Grid.GlobalIndex.X];
        for (int distance = 1; distance < lanes; distance <<= 1)
        {
            shared[lane] = value;
            Group.Barrier();
            if (lane >= distance)
            {
                value += shared[lane - distance];
            }

            Group.Barrier();
        }

        data[Grid.GlobalIndex.X] = value;
    }

    public static void PassesThroughTheGroup(ArrayView<float> data)
    {
        float value = data[Grid.GlobalIndex.X];
        double wide = value;
        float sum = 0;
        for (int k = 0; k < Group.DimX; k += 3)
        {
            sum = (sum * 0.5f) + Group.Broadcast(value, k) + (float)Group.Broadcast(wide, Group.DimX - 1 - k) + Group.Broadcast(Group.IdxX, k);
        }

        data[Grid.GlobalIndex.X] = sum;
    }

    public static void PassesConstantsThroughTheGroup(ArrayView<float> data)
    {
        float sum = Group.Broadcast(1.5f, Group.DimX - 1) + Group.Broadcast(7L << 33, 0);
        data[Grid.GlobalIndex.X] += sum + Group.Broadcast(Group.DimX, 0);
    }

    public static void ExchangesInWarps(ArrayView<float> data)
    {
        int i = Grid.GlobalIndex.X;
        float value = data[i];
        long wide = (long)i << 33;
        float a = Warp.ShuffleDown(value, 1);
        float b = Warp.ShuffleUp(value, 1);
        float c = Warp.ShuffleXor(value, Warp.WarpSize >> 1);
        float d = Warp.Shuffle(value, (Warp.LaneIdx * 3) % Warp.WarpSize);
        long e = Warp.ShuffleDown(wide, 1) >> 33;
        data[i] = a + (2 * b) + (4 * c) + (8 * d) + (16 * e) + (Warp.LaneIdx * 1000) + (Warp.WarpIdx * 10000);
    }

    public static void CountsAtomically(ArrayView<float> data)
    {
        ArrayView<int> counts = SharedMemory.Allocate<int>(6);
        for (int k = Group.IdxX; k < 6; k += Group.DimX)
        {
            counts[k] = 0;
        }

        Group.Barrier();
        int i = Grid.GlobalIndex.X;
        if (i % 3 != 0)
        {
            Atomic.Add(ref counts[i & 3], i);
            Atomic.Max(ref counts[(i & 1) + 4], i * 2);
        }

        Group.Barrier();
        data[i] = counts[i & 3] + (counts[4] * 3) + counts[5];
    }

    public static void SortsItsOwnMemory(ArrayView<float> data)
    {
        ArrayView<short> own = LocalMemory.Allocate<short>(9);
        int i = Grid.GlobalIndex.X;
        for (int k = 0; k < 9; k++)
        {
            own[k] = (short)(((i + 1) * (k + 3) * 7919) % 1000);
        }

        for (int k = 1; k < 9; k++)
        {
            short value = own[k];
            int m = k - 1;
            while (m >= 0 && own[m] > value)
            {
                own[m + 1] = own[m];
                m--;
            }

            own[m + 1] = value;
        }

        data[i] = own[0] + (own[4] * 3) + (own[8] * 5);
    }

    public static void ReadsBytesAndLongs(ArrayView<float> data)
    {
        int i = Grid.GlobalIndex.X;
        ArrayView<byte> bytes = data.Cast<byte>();
        ArrayView<sbyte> signed = data.Cast<sbyte>();
        ArrayView<ushort> shorts = data.Cast<ushort>();
        long sum = 0;
        for (int k = 0; k < 4; k++)
        {
            sum += bytes[(i * 4) + k] - signed[(i * 4) + k] + ((long)shorts[(i * 2) + 1] << k);
        }

        Group.Barrier();
        data[i] = (float)(sum / 3) + (float)(double)(ulong)sum;
    }
}
