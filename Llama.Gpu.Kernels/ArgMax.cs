namespace Llama.Gpu.Kernels;

/// <summary>
/// Index of the largest of n values: <c>result[0] = argmax_i values[i]</c>; the lowest index where several are largest. NaN is
/// passed over; if every value is NaN the result is 0. values (n) f32, result one int on the device, so that greedy decoding
/// brings back four bytes rather than the logits.
/// One group: a vocabulary is a few hundred values a lane.
/// </summary>
public sealed class ArgMax
{
    private readonly LaunchShapes _shapes;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<int>, int> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public ArgMax(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<int>, int>(Kernel);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(int count) => new((4L * count) + 4, count);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="values">(n).</param>
    /// <param name="result">(1) result.</param>
    /// <param name="count">n, at least 1.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or the count is out of range.</exception>
    public void Run(AcceleratorStream stream, ArrayView<float> values, ArrayView<int> result, int count)
    {
        Require.Dimension(count);
        Require.Holds(values, count);
        Require.Holds(result, 1);
        _kernel(stream, _shapes.RowGroups(1), values, result, count);
    }

    internal static void Kernel(ArrayView<float> values, ArrayView<int> result, int count)
    {
        ArrayView<float> warpValues = SharedMemory.Allocate<float>(GroupReduction.MaxWarps);
        ArrayView<int> warpIndices = SharedMemory.Allocate<int>(GroupReduction.MaxWarps);
        int lanes = Group.DimX;

        // No candidate yet: an index above all others, so that even minus infinity takes its place.
        float best = float.NegativeInfinity;
        int index = int.MaxValue;
        for (int i = Group.IdxX; i < count; i += lanes)
        {
            float value = values[i];
            if (Precedes(value, i, best, index))
            {
                best = value;
                index = i;
            }
        }

        int lane = Warp.LaneIdx;
        int warpLanes = WarpReduction.LaneCount();
        for (int offset = Warp.WarpSize >> 1; offset > 0; offset >>= 1)
        {
            float otherBest = Warp.ShuffleDown(best, offset);
            int otherIndex = Warp.ShuffleDown(index, offset);
            if (lane + offset < warpLanes && Precedes(otherBest, otherIndex, best, index))
            {
                best = otherBest;
                index = otherIndex;
            }
        }

        if (lane == 0)
        {
            warpValues[Warp.WarpIdx] = best;
            warpIndices[Warp.WarpIdx] = index;
        }

        Group.Barrier();
        if (Group.IdxX == 0)
        {
            int warps = IntrinsicMath.DivRoundUp(lanes, Warp.WarpSize);
            for (int warp = 1; warp < warps; warp++)
            {
                if (Precedes(warpValues[warp], warpIndices[warp], best, index))
                {
                    best = warpValues[warp];
                    index = warpIndices[warp];
                }
            }

            result[0] = index == int.MaxValue ? 0 : index;
        }
    }

    private static bool Precedes(float value, int index, float best, int bestIndex) =>
        value > best || (value == best && index < bestIndex);
}
