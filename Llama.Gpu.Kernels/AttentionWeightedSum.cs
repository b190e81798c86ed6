namespace Llama.Gpu.Kernels;

/// <summary>
/// Values weighted by attention: <c>output[t, h, i] = sum_s probabilities[h, t, s] * values[s, h / group, i]</c> over the
/// positions s that query t sees. probabilities (heads, T, S) f32, values (positions, kvHeads, headDim) stored, output
/// (T, heads, headDim) f32. Groups of one head are multi-head attention, one group of all heads is multi-query attention.
/// A group takes one query of one head. A lane owns a pair of neighbouring elements (one 32-bit load in bf16), so that a warp
/// reads a stretch of a row; lanes left over form further slices that take positions in turn, and their sums are added at the
/// end: decoding over a long cache has few queries, and would else keep few lanes busy.
/// </summary>
public sealed class AttentionWeightedSum : ITypedKernel<AttentionWeightedSum.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public AttentionWeightedSum(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> probabilities,
        WeightView values,
        ArrayView<float> output,
        AttentionShape shape);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, AttentionShape shape) =>
        new(
            (shape.VisiblePairs * 4)
                + ((long)shape.PositionCount * shape.KeyValueWidth * type.ElementSize())
                + ((long)shape.TokenCount * shape.QueryWidth * 4),
            shape.VisiblePairs * shape.HeadDim * 2);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="probabilities">(heads, T, S).</param>
    /// <param name="values">(capacity, kvHeads, headDim) cache that holds the values of all S positions.</param>
    /// <param name="output">(T, heads, headDim) result.</param>
    /// <param name="shape">Extents.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream, ArrayView<float> probabilities, WeightView values, ArrayView<float> output, AttentionShape shape)
    {
        shape.Validate(nameof(shape));
        Require.Holds(probabilities, shape.HeadCount, shape.TokenCount, shape.PositionCount);
        Require.Holds(values, shape.PositionCount, shape.KeyValueWidth);
        Require.Holds(output, shape.TokenCount, shape.QueryWidth);
        _kernels[values.Type](stream, _shapes.RowGroups(shape.TokenCount, shape.HeadCount), probabilities, values, output, shape);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, AttentionShape>(Kernel<T, TElement>);
        return (stream, config, probabilities, values, output, shape) =>
            kernel(stream, config, probabilities, values.As<T>(), output, shape);
    }

    internal static void Kernel<T, TElement>(
        ArrayView<float> probabilities, ArrayView<T> values, ArrayView<float> output, AttentionShape shape)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        ArrayView<float> partial = SharedMemory.Allocate<float>(2 * LaunchShapes.MaxLanes);
        int token = Grid.IdxX;
        int head = Grid.IdxY;
        int lane = Group.IdxX;
        int headDim = shape.HeadDim;
        int pairs = headDim >> 1;
        int across = IntrinsicMath.Min(pairs, Group.DimX);
        int slices = Group.DimX / across;
        int slice = lane / across;
        int column = lane - (slice * across);

        int width = shape.KeyValueWidth;
        int visible = shape.FirstPosition + token + 1;
        long valueOffset = (long)(head / shape.HeadsPerGroup) * headDim;
        ArrayView<float> weights = probabilities.SubView(
            (((long)head * shape.TokenCount) + token) * shape.PositionCount, visible);
        ArrayView<float> target = output.SubView((((long)token * shape.HeadCount) + head) * headDim, headDim);

        // Every lane makes every turn, because of the barrier; lanes without a pair or a slice add nothing and store nothing.
        // Several slices mean that one turn covers all pairs, so the shared memory is not used again.
        for (int firstPair = 0; firstPair < pairs; firstPair += across)
        {
            int element = (firstPair + column) << 1;
            float sum0 = 0f;
            float sum1 = 0f;
            if (slice < slices && element < headDim)
            {
                for (int s = slice; s < visible; s += slices)
                {
                    float weight = weights[s];
                    long address = ((long)s * width) + valueOffset + element;
                    sum0 += weight * TElement.ToFloat(values[address]);
                    sum1 += weight * TElement.ToFloat(values[address + 1]);
                }
            }

            if (slices > 1)
            {
                partial[lane << 1] = sum0;
                partial[(lane << 1) + 1] = sum1;
                Group.Barrier();
                if (slice == 0)
                {
                    for (int other = lane + across; other < slices * across; other += across)
                    {
                        sum0 += partial[other << 1];
                        sum1 += partial[(other << 1) + 1];
                    }
                }
            }

            if (slice == 0 && element < headDim)
            {
                target[element] = sum0;
                target[element + 1] = sum1;
            }
        }
    }
}
