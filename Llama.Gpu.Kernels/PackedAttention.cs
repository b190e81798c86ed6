namespace Llama.Gpu.Kernels;

/// <summary>
/// <see cref="Attention"/> of many queries on the vectors of a processor, as <see cref="PackedMatMul"/> multiplies there: a lane is a query,
/// and what it is multiplied with, an element of a key or of a value, is the same for all lanes. So nothing is gathered, and the softmax of
/// a query is a lane's own business.
/// </summary>
/// <remarks>
/// A group takes a block of rows (t, h) that share a key-value head, heads fastest, as many as a tile has tokens, and the keys up to the
/// last that one of them sees, in tiles that it widens to f32 in shared memory. Blocks with more keys come first, so that no processor
/// begins a long one when the others are done.
/// </remarks>
internal sealed partial class PackedAttention
{
    private readonly KernelByType<Launch> _kernels;
    private readonly int _widestHead;
    private readonly int _blockRows;
    private readonly int _processors;

    private PackedAttention(KernelByType<Launch> kernels, int widestHead, int blockRows, int processors)
    {
        _kernels = kernels;
        _widestHead = widestHead;
        _blockRows = blockRows;
        _processors = processors;
    }

    private delegate void Launch(AcceleratorStream stream, in AttentionOperands operands);

    /// <summary>The operation for an accelerator whose products are packed, or null.</summary>
    public static PackedAttention? For(Accelerator accelerator, LaunchShapes shapes) => shapes.Tile switch
    {
        MatMulTile.PackedSmall => For<PackedSmallTile>(accelerator, shapes),
        MatMulTile.Packed4 => For<Packed4Tile>(accelerator, shapes),
        MatMulTile.Packed8 => For<Packed8Tile>(accelerator, shapes),
        MatMulTile.Packed16 => For<Packed16Tile>(accelerator, shapes),
        _ => null,
    };

    /// <summary>Whether heads are not too wide, and whole blocks of queries enough for all processors.</summary>
    public bool Takes(AttentionShape shape) =>
        shape.HeadDim <= _widestHead
        && (long)shape.TokenCount * shape.HeadsPerGroup / _blockRows * shape.KeyValueHeadCount >= _processors;

    /// <summary>Starts the operation on a stream, with what <see cref="Attention.Run"/> has checked.</summary>
    public void Run(AcceleratorStream stream, in AttentionOperands operands) => _kernels[operands.Keys.Type](stream, operands);

    /// <summary>Bytes of shared memory of a group.</summary>
    internal static int SharedBytes<TTile>()
        where TTile : struct, IPackedTile =>
        sizeof(float) * ((Stride<TTile>() * ((2 * BlockRows<TTile>()) + TileKeys<TTile>())) + ((TileKeys<TTile>() + 3) * BlockRows<TTile>()));

    private static PackedAttention For<TTile>(Accelerator accelerator, LaunchShapes shapes)
        where TTile : struct, IPackedTile =>
        new(new(accelerator, new Cut<TTile>()), 1 << TTile.HeadShift, BlockRows<TTile>(), shapes.Processors);

    private sealed class Cut<TTile> : ITypedKernel<Launch>
        where TTile : struct, IPackedTile
    {
        public Launch Load<T, TElement>(Accelerator accelerator)
            where T : unmanaged
            where TElement : struct, IElement<T>
        {
            var kernel = accelerator.LoadKernel<
                ArrayView<float>, ArrayView<T>, ArrayView<T>, ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionShape, float>(
                    Kernel<T, TElement, TTile>);
            return (stream, in o) =>
            {
                int blocks = IntrinsicMath.DivRoundUp(checked(o.Shape.TokenCount * o.Shape.HeadsPerGroup), BlockRows<TTile>());
                var config = new KernelConfig(blocks, o.Shape.KeyValueHeadCount, 1, 1 << TTile.LaneShift, 1, 1);
                kernel(stream, config, o.Queries, o.Keys.As<T>(), o.Values.As<T>(), o.Cosines, o.Sines, o.Output, o.Shape, o.Scale);
            };
        }
    }
}
