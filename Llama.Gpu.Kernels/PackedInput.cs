namespace Llama.Gpu.Kernels;

/// <summary>
/// Turns an input round for <see cref="PackedMatMul"/>: from (T, K) to packed[block, k, token], where a block is as many tokens as a
/// tile multiplies at once. The same for all products of an input, so that it is done once.
/// </summary>
internal static class PackedInput
{
    /// <summary>Starts it on a stream, unless it is done, and returns the packed form.</summary>
    public delegate ArrayView<float> Launch(AcceleratorStream stream, ProductInput input);

    /// <summary>Elements of the packed form.</summary>
    public static long Length<TTile>(int rows, int innerSize)
        where TTile : struct, IPackedTile => (long)IntrinsicMath.DivRoundUp(rows, BlockRows<TTile>()) * BlockRows<TTile>() * innerSize;

    /// <summary>Loads the kernel for a tile.</summary>
    public static Launch Load<TTile>(Accelerator accelerator)
        where TTile : struct, IPackedTile
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int, int>(Kernel<TTile>);
        return (stream, input) =>
        {
            ArrayView<float> packed = input.Scratch.Cast<float>();
            if (input.Form != typeof(TTile))
            {
                int slices = IntrinsicMath.DivRoundUp(input.InputSize, 1 << TTile.DepthShift);
                int vectors = IntrinsicMath.DivRoundUp(input.TokenCount, BlockRows<TTile>()) * TTile.RowVectors;
                var config = new KernelConfig(slices, vectors, 1, 1 << TTile.LaneShift, 1, 1);
                kernel(stream, config, input.Values, packed, input.TokenCount, input.InputSize);
                input.Form = typeof(TTile);
            }

            return packed;
        };
    }

    /// <summary>
    /// A group turns a slice of a vector of tokens. The slice goes through rows in shared memory that are a vector longer than it, since
    /// rows of the input often lie a power of two apart and share a set of the first-level cache. Past the last token stands that token again.
    /// </summary>
    internal static void Kernel<TTile>(ArrayView<float> input, ArrayView<float> packed, int rows, int innerSize)
        where TTile : struct, IPackedTile
    {
        int stride = (1 << TTile.DepthShift) + (1 << TTile.LaneShift);
        ArrayView<float> slice = SharedMemory.Allocate<float>(((1 << TTile.DepthShift) + (1 << TTile.LaneShift)) << TTile.LaneShift);
        int firstDepth = Grid.IdxX << TTile.DepthShift;
        int count = IntrinsicMath.Min(1 << TTile.DepthShift, innerSize - firstDepth);
        int firstToken = Grid.IdxY << TTile.LaneShift;
        for (int t = 0; t < 1 << TTile.LaneShift; t++)
        {
            long from = ((long)IntrinsicMath.Min(firstToken + t, rows - 1) * innerSize) + firstDepth;
            PackedMatMul.Widen<float, SingleElement>(input, from, slice, t * stride, count);
        }

        Group.Barrier();
        int blockRows = TTile.RowVectors << TTile.LaneShift;
        long block = Grid.IdxY / TTile.RowVectors;
        long to = (((block * innerSize) + firstDepth) * blockRows) + ((Grid.IdxY % TTile.RowVectors) << TTile.LaneShift) + Group.IdxX;
        Turn(slice.SubView(Group.IdxX * stride), packed.SubView(to), blockRows, count);
    }

    /// <summary>A lane's row becomes a column: element d of it goes to <c>to[d * stride]</c>. Four at a time are loaded at once.</summary>
    internal static void Turn(ArrayView<float> from, ArrayView<float> to, int stride, int count)
    {
        int d = 0;
        for (; d + 4 <= count; d += 4)
        {
            for (int e = 0; e < 4; e++)
            {
                to[(d + e) * stride] = from[d + e];
            }
        }

        for (; d < count; d++)
        {
            to[d * stride] = from[d];
        }
    }

    private static int BlockRows<TTile>()
        where TTile : struct, IPackedTile => TTile.RowVectors << TTile.LaneShift;
}
