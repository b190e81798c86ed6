namespace Llama.Gpu.Kernels;

/// <summary>
/// Causal softmax, in place: row (h, t) over its first n = firstPosition + t + 1 entries,
/// <c>scores[s] = exp(scores[s] - max) / sum_s exp(scores[s] - max)</c>; entries from n on become 0, whatever they were.
/// scores (heads, T, S) f32 with S = firstPosition + T. The maximum keeps exp from overflowing.
/// A group takes a row; a lane touches only its own entries between the two reductions.
/// </summary>
public sealed class CausalSoftmax
{
    private readonly LaunchShapes _shapes;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, AttentionShape> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public CausalSoftmax(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<ArrayView<float>, AttentionShape>(Kernel);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(AttentionShape shape) =>
        new(
            (shape.VisiblePairs * 4) + ((long)shape.HeadCount * shape.TokenCount * shape.PositionCount * 4),
            shape.VisiblePairs * 5);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="scores">(heads, T, S), changed in place.</param>
    /// <param name="shape">Extents.</param>
    /// <exception cref="ArgumentException">The view does not have its shape, or an extent is out of range.</exception>
    public void Run(AcceleratorStream stream, ArrayView<float> scores, AttentionShape shape)
    {
        shape.Validate(nameof(shape));
        Require.Holds(scores, shape.HeadCount, shape.TokenCount, shape.PositionCount);
        _kernel(stream, _shapes.RowGroups(shape.TokenCount, shape.HeadCount), scores, shape);
    }

    internal static void Kernel(ArrayView<float> scores, AttentionShape shape)
    {
        ArrayView<float> scratch = SharedMemory.Allocate<float>(GroupReduction.MaxWarps);
        int token = Grid.IdxX;
        int lane = Group.IdxX;
        int lanes = Group.DimX;
        int positions = shape.PositionCount;
        int visible = shape.FirstPosition + token + 1;
        ArrayView<float> row = scores.SubView((((long)Grid.IdxY * shape.TokenCount) + token) * positions, positions);

        float max = float.NegativeInfinity;
        for (int s = lane; s < visible; s += lanes)
        {
            max = XMath.Max(max, row[s]);
        }

        max = GroupReduction.Reduce<MaxReduction>(max, scratch);
        float sum = 0f;
        for (int s = lane; s < visible; s += lanes)
        {
            float e = XMath.Exp(row[s] - max);
            row[s] = e;
            sum += e;
        }

        float scale = 1f / GroupReduction.Reduce<SumReduction>(sum, scratch);
        for (int s = lane; s < positions; s += lanes)
        {
            row[s] = s < visible ? row[s] * scale : 0f;
        }
    }
}
