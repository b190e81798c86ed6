namespace Llama.Gpu.Kernels;

/// <summary>
/// Causal attention in one pass, from queries not yet rotated to weighted values, without scores in device memory:
/// <c>output[t, h, :] = sum_s softmax_s(scale * dot(rope(queries[t, h, :]), keys[s, h / group, :])) values[s, h / group, :]</c>
/// over the positions s that query t sees. queries and output (T, heads, headDim) f32; keys (rotated) and values
/// (positions, kvHeads, headDim) stored; cosines and sines (positions, headDim/2) f32.
/// <para>
/// A group takes one, four or eight queries that share a key-value head, neighbours among the rows (t, h within its group): heads
/// in decoding, tokens in prefill. It reads the cache once for all of them, in blocks of keys, and no further than the last of its
/// queries sees. Of each block it forms the scores in shared memory (a lane takes keys of its own, so nothing has to be reduced),
/// turns them into weights (a warp takes a query) and adds up the values (a lane takes elements of its own). The softmax is
/// computed along the way: when a block raises the maximum m, the sums so far are scaled by <c>exp(m_old - m_new)</c>.
/// </para>
/// <para>
/// Where there are too few queries for a device, as in decoding, the keys are cut into parts for groups of their own, and a second
/// kernel puts the parts together.
/// </para>
/// </summary>
/// <remarks>
/// Milakov and Gimelshein, Online normalizer calculation for softmax (2018); Dao et al., FlashAttention (2022).
/// <see cref="RopeScores"/>, <see cref="CausalSoftmax"/> and <see cref="AttentionWeightedSum"/> compute the same in three steps,
/// for those who want to see the probabilities.
/// </remarks>
public sealed partial class Attention
{
    /// <summary>Largest width of a head: what the shared memory is made for.</summary>
    public const int MaxHeadDim = 256;

    internal const int KeysPerBlock = 128;
    private const int ElementsAtOnce = 8;

    // of the keys of a query: their weights and totals fit where the sums were
    private const int MaxParts = MaxHeadDim / 2;

    // after the sums of a part stand the largest score and the total of the weights
    internal const int PartExtra = 2;

    private readonly AttentionLaunch _launch;
    private readonly AttentionCuts<Launch> _kernels;
    private readonly AttentionCuts<TokenLaunch> _tokenKernels;
    private readonly PackedAttention? _packed;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int, int> _combine;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public Attention(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        shapes ??= LaunchShapes.For(accelerator);
        _launch = shapes.Attention;
        _kernels = new(
            accelerator,
            new Cut<float, OneRow, NarrowAttention>(),
            new Cut<float, OneRow, WideAttention>(),
            new Cut<Float4, FourRows, NarrowAttention>(),
            new Cut<Float4, FourRows, WideAttention>(),
            new Cut<Float8, EightRows, WideAttention>());
        _tokenKernels = new(
            accelerator,
            new TokenCut<float, OneRow, NarrowAttention>(),
            new TokenCut<float, OneRow, WideAttention>(),
            new TokenCut<Float4, FourRows, NarrowAttention>(),
            new TokenCut<Float4, FourRows, WideAttention>(),
            new TokenCut<Float8, EightRows, WideAttention>());
        _combine = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int, int, int>(CombineKernel);
        _packed = PackedAttention.For(accelerator, shapes);
        PrepareTensorCores(accelerator, shapes);
    }

    internal delegate void Launch(
        AcceleratorStream stream, KernelConfig config, in AttentionOperands operands, ArrayView<float> parts, int keysPerPart);

    /// <summary>Bytes and operations of one run: what enters and leaves device memory once, and no scores.</summary>
    public static Cost CostOf(TensorType type, AttentionShape shape) =>
        new(
            ((long)shape.TokenCount * ((2 * shape.QueryWidth) + shape.HeadDim) * 4)
                + (2L * shape.PositionCount * shape.KeyValueWidth * type.ElementSize()),
            ((long)shape.TokenCount * shape.QueryWidth * 4) + (shape.VisiblePairs * ((shape.HeadDim * 4L) + 5)));

    /// <summary>Bytes and operations of putting the parts of some queries together: each part read, with its largest score and its total.</summary>
    public static Cost CombineCostOf(int partCount, int queryCount, int headDim) =>
        new(4L * queryCount * (((long)partCount * (headDim + PartExtra)) + headDim), 2L * queryCount * partCount * headDim);

    /// <summary>
    /// Elements of scratch memory with which decoding at any position can be cut into as many parts as the device has use for.
    /// </summary>
    /// <param name="headCount">Query heads.</param>
    /// <param name="keyValueHeadCount">Key and value heads.</param>
    /// <param name="headDim">Width of one head.</param>
    public long PartLength(int headCount, int keyValueHeadCount, int headDim) =>
        (long)PartCount(new(1, 0, headCount, keyValueHeadCount, headDim), RowsAtOnce(headCount / keyValueHeadCount, TileOf(headDim)))
            * headCount * (headDim + PartExtra);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="operands">What it reads and writes.</param>
    /// <param name="parts">
    /// Scratch memory of any length: the keys are cut into no more parts than it holds (<see cref="PartLength"/> says what is of use).
    /// </param>
    /// <exception cref="ArgumentException">A view does not have its shape or type, or an extent is out of range.</exception>
    public void Run(AcceleratorStream stream, in AttentionOperands operands, ArrayView<float> parts)
    {
        operands.Validate();
        AttentionShape shape = operands.Shape;
        if (_packed is not null && _packed.Takes(shape))
        {
            _packed.Run(stream, operands);
            return;
        }

        bool hasRun = false;
        RunOnTensorCores(stream, operands, ref hasRun);
        if (hasRun)
        {
            return;
        }

        int rows = checked(shape.TokenCount * shape.HeadsPerGroup);
        AttentionTile tile = TileOf(shape.HeadDim);
        int atOnce = RowsAtOnce(rows, tile);
        int queryCount = checked(shape.TokenCount * shape.HeadCount);
        int blocks = IntrinsicMath.DivRoundUp(shape.PositionCount, KeysPerBlock);
        long room = parts.Length / ((long)queryCount * (shape.HeadDim + PartExtra));
        int wanted = (int)Math.Max(1, Math.Min(Math.Min(blocks, PartCount(shape, atOnce)), room));
        int keysPerPart = IntrinsicMath.DivRoundUp(blocks, wanted) * KeysPerBlock;
        int partCount = IntrinsicMath.DivRoundUp(shape.PositionCount, keysPerPart);
        KernelConfig config = _launch.Config(IntrinsicMath.DivRoundUp(rows, atOnce), shape.KeyValueHeadCount, partCount);
        _kernels.For(atOnce, tile, operands.Keys.Type)(stream, config, operands, parts, keysPerPart);
        if (partCount > 1)
        {
            _combine(stream, _launch.Config(queryCount), parts, operands.Output, partCount, queryCount, shape.HeadDim);
        }
    }

    // in the folder TensorCores, which a build against ILGPU leaves out
    partial void PrepareTensorCores(Accelerator accelerator, LaunchShapes shapes);

    partial void RunOnTensorCores(AcceleratorStream stream, in AttentionOperands operands, ref bool hasRun);

    // More than four queries by one vector of lanes is more code than the host's compiler makes good code of.
    private static int RowsAtOnce(int rows, AttentionTile tile) => rows switch
    {
        1 => OneRow.Count,
        > 4 when tile == AttentionTile.Wide => EightRows.Count,
        _ => FourRows.Count,
    };

    private AttentionTile TileOf(int headDim) => (headDim & (ElementsAtOnce - 1)) == 0 ? _launch.Tile : AttentionTile.Narrow;

    private int PartCount(AttentionShape shape, int rowsAtOnce)
    {
        long groups = IntrinsicMath.DivRoundUp((long)shape.TokenCount * shape.HeadsPerGroup, rowsAtOnce) * shape.KeyValueHeadCount;
        return (int)Math.Min(MaxParts, IntrinsicMath.DivRoundUp(_launch.Groups, groups));
    }

    private sealed class Cut<TRow, TRows, TTile> : ITypedKernel<Launch>
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
        where TTile : struct, IAttentionTile
    {
        public Launch Load<T, TElement>(Accelerator accelerator)
            where T : unmanaged
            where TElement : struct, IElement<T>
        {
            var kernel = accelerator.LoadKernel<
                ArrayView<float>, ArrayView<T>, ArrayView<T>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
                AttentionShape, float, int>(Kernel<T, TElement, TRow, TRows, TTile>);
            return (stream, config, in o, parts, keysPerPart) => kernel(
                stream, config, o.Queries, o.Keys.As<T>(), o.Values.As<T>(), o.Cosines, o.Sines, o.Output, parts, o.Shape, o.Scale, keysPerPart);
        }
    }
}
