namespace Llama.Gpu.Kernels;

/// <summary>
/// <see cref="Attention"/> of many tokens on tensor cores, for caches of f16 or bf16 and heads 64 or 128 wide. Queries, rotated and scaled,
/// are rounded to the cache's type, and so are the weights of the values, at most 1 each; scores, the softmax and all sums are f32.
/// <para>
/// With u the rounding of the type (2^-9 for bf16, 2^-12 for f16), e the largest of <c>(u + (headDim + 16) * 2^-22) * s</c> over a query's
/// keys, s the sum of the magnitudes of a score's products, and at scores of a magnitude up to M, a result lies within
/// <c>(2 * (e + M * 2^-21) + u + (S + 32) * 2^-22) * v</c> of the exact one, v the mean of the values' magnitudes by the same weights,
/// and within S * 2^-24 of it more for f16, whose weights below 2^-14 lose bits. A query that, scaled and rotated, is beyond 65504
/// becomes infinite in f16.
/// </para>
/// <para>
/// What a query does not see does not touch its result, even where it is infinite or NaN. A query that sees a value with such an element gets
/// no number, in that element or, near the diagonal, in all of them.
/// </para>
/// </summary>
/// <remarks>
/// <para>
/// Dao, FlashAttention-2 (2023). A group of 4 warps takes 128 rows (t, h) that share a key-value head, heads fastest, so that tokens of
/// a group are few and it stops soon after the last key that its first token sees. A warp takes 32 of them: with 16, each word of a key
/// would be read from shared memory twice as often, and shared memory, not the tensor cores, would be the limit. Tiles of 64 keys, 48 at
/// head dim 128, and their values are copied asynchronously while the tile before is computed: two stages, and one barrier a tile. The
/// weights are left in the registers where the product has put the scores, since that is where the next product wants its first operand.
/// </para>
/// <para>
/// At head dim 128 a group has 84 KiB of shared memory, so that two share a multiprocessor of an H100.
/// </para>
/// </remarks>
public sealed partial class TensorCoreAttention
{
    /// <summary>Query rows of a group.</summary>
    internal const int Rows = 128;

    /// <summary>Lanes of a group.</summary>
    internal const int Lanes = 128;

    private const int Stages = 2;
    private const int RowTiles = Rows / 16 / (Lanes / TensorCore.WarpSize);

    private readonly Accelerator _accelerator;
    private readonly Dictionary<(TensorType Type, int HeadDim), Launch> _launches = [];

    /// <summary>Prepares the operation for an accelerator with tensor cores, or one that computes the same fragments.</summary>
    /// <param name="accelerator">Where it will run: with warps of 32 lanes.</param>
    public TensorCoreAttention(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        _accelerator = accelerator;
    }

    private delegate void Launch(AcceleratorStream stream, in AttentionOperands operands);

    /// <summary>Whether heads and caches are such as this operation takes.</summary>
    public static bool Takes(in AttentionOperands operands) =>
        operands.Shape.HeadDim is 64 or 128
        && operands.Keys.Type is TensorType.Float16 or TensorType.BFloat16
        && operands.Keys.Data.IsAlignedTo(16)
        && operands.Values.Data.IsAlignedTo(16);

    /// <summary>Bytes of shared memory of a group.</summary>
    internal static int SharedBytes<THead>()
        where THead : struct, ITensorHead => (Rows + (Stages * 2 * THead.Keys)) << (THead.WidthShift + 1);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="operands">What it reads and writes, such as <see cref="Takes"/> accepts.</param>
    /// <exception cref="ArgumentException">A view does not have its shape or type, or an extent is out of range.</exception>
    public void Run(AcceleratorStream stream, in AttentionOperands operands)
    {
        RequireOperands(operands);
        (TensorType type, int headDim) = (operands.Keys.Type, operands.Shape.HeadDim);
        if (!_launches.TryGetValue((type, headDim), out Launch? launch))
        {
            launch = type == TensorType.Float16 ? Load<Half, HalfElement, HalfWord>(headDim) : Load<BFloat16, BFloat16Element, BFloat16Word>(headDim);
            _launches.Add((type, headDim), launch);
        }

        launch(stream, operands);
    }

    internal static void RequireOperands(in AttentionOperands operands)
    {
        operands.Validate();
        if (!Takes(operands))
        {
            throw new ArgumentException(
                $"expected Float16 or BFloat16 at multiples of 16 bytes and heads 64 or 128 wide, found {operands.Keys.Type} and {operands.Shape.HeadDim}",
                nameof(operands));
        }
    }

    private Launch Load<T, TElement, TWord>(int headDim)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TWord : struct, IFragmentWord => headDim == 64 ? Load<T, TElement, TWord, NarrowTensorHead>() : Load<T, TElement, TWord, WideTensorHead>();

    private Launch Load<T, TElement, TWord, THead>()
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TWord : struct, IFragmentWord
        where THead : struct, ITensorHead
    {
        var kernel = _accelerator.LoadKernel<
            ArrayView<float>, ArrayView<T>, ArrayView<T>, ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionShape, int, float>(
                Kernel<T, TElement, TWord, THead>);
        return (stream, in o) =>
        {
            AttentionShape shape = o.Shape;
            int blocks = IntrinsicMath.DivRoundUp(checked(shape.TokenCount * shape.HeadsPerGroup), Rows);
            var config = new KernelConfig(
                new Index2D(shape.KeyValueHeadCount, blocks), new Index2D(Lanes, 1), SharedMemoryConfig.RequestDynamic<byte>(SharedBytes<THead>()));
            kernel(
                stream, config, o.Queries, o.Keys.As<T>(), o.Values.As<T>(), o.Cosines, o.Sines, o.Output, shape, shape.HeadsPerGroup, o.Scale);
        };
    }
}
