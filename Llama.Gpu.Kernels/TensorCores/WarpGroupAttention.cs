namespace Llama.Gpu.Kernels;

/// <summary>
/// <see cref="TensorCoreAttention"/> on the tensor cores of compute capability 9.0: the same results within the same error, and the same
/// promise about infinite values and NaN. Sums are added in another order, so bits may differ.
/// </summary>
/// <remarks>
/// <para>
/// Shah et al., FlashAttention-3 (2024). A group takes 128 rows (t, h) that share a key-value head, heads fastest, and passes over the keys
/// they see in tiles of 128. One warp has the tensor memory accelerator bring tiles of keys and of values, as slots of shared memory become
/// free; two warp groups take 64 rows each. A warp group begins with the scores of a tile and with the values of the tile before, and computes
/// the softmax of the scores while the values are still multiplied. Then it is the other's turn to begin, so that the tensor cores
/// have something to do while either computes.
/// </para>
/// <para>
/// Weights stay in the registers where the product has put the scores. Values are multiplied as they lie in the cache, a row for each
/// key. Queries are rotated, scaled and rounded by the warp groups themselves, into shared memory.
/// </para>
/// </remarks>
public sealed partial class WarpGroupAttention
{
    /// <summary>Query rows of a group.</summary>
    internal const int Rows = 128;

    /// <summary>Keys of a tile.</summary>
    internal const int Keys = 128;

    /// <summary>Lanes of a group: a warp group that copies and two that multiply.</summary>
    internal const int Lanes = 3 * WarpGroup.Size;

    private readonly Accelerator _accelerator;
    private readonly Dictionary<(TensorType Type, int HeadDim), Launch> _launches = [];

    /// <summary>Prepares the operation for an accelerator with warp groups, or one that computes the same products.</summary>
    /// <param name="accelerator">Where it will run: with warps of 32 lanes, and 162 KiB of shared memory a group.</param>
    public WarpGroupAttention(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        _accelerator = accelerator;
    }

    private delegate void Launch(AcceleratorStream stream, in AttentionOperands operands);

    /// <summary>Bytes of shared memory of a group: queries, tiles of keys and values, barriers, notes on values.</summary>
    internal static int SharedBytes<THead>()
        where THead : struct, IWarpGroupHead => ((Rows + (2 * Keys << THead.StageShift)) << (THead.WidthShift + 1))
            + (BarrierCount<THead>() * sizeof(ulong)) + (Keys * sizeof(int) << THead.StageShift);

    /// <summary>Starts the operation on a stream.</summary>
    /// <inheritdoc cref="TensorCoreAttention.Run"/>
    public void Run(AcceleratorStream stream, in AttentionOperands operands)
    {
        TensorCoreAttention.RequireOperands(operands);
        (TensorType type, int headDim) = (operands.Keys.Type, operands.Shape.HeadDim);
        if (!_launches.TryGetValue((type, headDim), out Launch? launch))
        {
            launch = type == TensorType.Float16 ? Load<Half, HalfElement, HalfWord>(headDim) : Load<BFloat16, BFloat16Element, BFloat16Word>(headDim);
            _launches.Add((type, headDim), launch);
        }

        launch(stream, operands);
    }

    private Launch Load<T, TElement, TWord>(int headDim)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TWord : struct, IFragmentWord => headDim == 64 ? Load<T, TElement, TWord, NarrowWarpGroupHead>() : Load<T, TElement, TWord, WideWarpGroupHead>();

    private Launch Load<T, TElement, TWord, THead>()
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TWord : struct, IFragmentWord
        where THead : struct, IWarpGroupHead
    {
        var kernel = _accelerator.LoadKernel<
            ArrayView<float>, TensorMap<T>, TensorMap<T>, ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionShape, int, float>(
                Kernel<T, TElement, TWord, THead>);
        return (stream, in o) =>
        {
            AttentionShape shape = o.Shape;
            int blocks = IntrinsicMath.DivRoundUp(checked(shape.TokenCount * shape.HeadsPerGroup), Rows);
            var config = new KernelConfig(
                new Index2D(shape.KeyValueHeadCount, blocks), new Index2D(Lanes, 1), SharedMemoryConfig.RequestDynamic<byte>(SharedBytes<THead>()));

            // what lies behind the last position is no part of the matrices, and so is zero
            TensorMap<T> Map(WeightView cache) => new(cache.As<T>(), shape.PositionCount, shape.KeyValueWidth, Keys);
            kernel(
                stream, config, o.Queries, Map(o.Keys), Map(o.Values), o.Cosines, o.Sines, o.Output, shape, shape.HeadsPerGroup, o.Scale);
        };
    }
}
