namespace Llama.Gpu.Kernels;

/// <content>
/// Attention of one token whose position stands on the device, in one launch: what a captured graph can replay at any position. The launch
/// always has the same shape; parts that have no keys yet return at once. The group that is the last of a query's parts to be done puts
/// them together, in their order, so that results do not depend on which one that is.
/// </content>
public sealed partial class Attention
{
    internal delegate void TokenLaunch(
        AcceleratorStream stream,
        KernelConfig config,
        in AttentionOperands operands,
        ArrayView<float> parts,
        ArrayView<int> arrivals,
        ArrayView<int> position);

    /// <summary>
    /// Whether groups of a launch can wait for each other's results here: OpenCL 1.2 promises that of no device, and processors alone
    /// keep it.
    /// </summary>
    public bool TakesToken => _launch.JoinsParts;

    /// <summary>Whether <see cref="RunToken"/> is the better way for a token whose position the host knows too.</summary>
    public bool PrefersToken => _launch.JoiningSavesLaunch;

    /// <summary>Starts the operation for one token at a position that the device knows.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="operands">What it reads and writes; its shape is that for the last position that there is room for.</param>
    /// <param name="parts">Scratch memory as for the other operation.</param>
    /// <param name="arrivals">(heads) zeros, and zeros again afterwards.</param>
    /// <param name="position">(1) the token's position, below the capacity.</param>
    /// <exception cref="ArgumentException">A view does not have its shape or type, or an extent is out of range.</exception>
    public void RunToken(
        AcceleratorStream stream,
        in AttentionOperands operands,
        ArrayView<float> parts,
        ArrayView<int> arrivals,
        ArrayView<int> position)
    {
        AttentionShape shape = operands.Shape;
        if (shape.TokenCount != 1)
        {
            throw new ArgumentException($"expected one token, found {shape.TokenCount}", nameof(operands));
        }

        operands.Validate();
        Require.Holds(arrivals, shape.HeadCount);
        Require.Holds(position, 1);
        AttentionTile tile = TileOf(shape.HeadDim);
        int atOnce = RowsAtOnce(shape.HeadsPerGroup, tile);
        long room = parts.Length / ((long)shape.HeadCount * (shape.HeadDim + PartExtra));
        int blocks = IntrinsicMath.DivRoundUp(shape.PositionCount, KeysPerBlock);
        int partCount = (int)Math.Max(1, Math.Min(Math.Min(blocks, PartCount(shape, atOnce)), room));
        KernelConfig config = _launch.Config(IntrinsicMath.DivRoundUp(shape.HeadsPerGroup, atOnce), shape.KeyValueHeadCount, partCount);
        _tokenKernels.For(atOnce, tile, operands.Keys.Type)(stream, config, operands, parts, arrivals, position);
    }

    internal static void TokenKernel<T, TElement, TRow, TRows, TTile>(
        ArrayView<float> queries,
        ArrayView<T> keys,
        ArrayView<T> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> output,
        ArrayView<float> parts,
        ArrayView<int> arrivals,
        ArrayView<int> position,
        AttentionShape last,
        float scale)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
        where TTile : struct, IAttentionTile
    {
        // cut as Run cuts it: into blocks, evenly, and no part without keys
        var shape = new AttentionShape(1, position[0], last.HeadCount, last.KeyValueHeadCount, last.HeadDim);
        int blocks = IntrinsicMath.DivRoundUp(shape.PositionCount, KeysPerBlock);
        int keysPerPart = IntrinsicMath.DivRoundUp(blocks, Grid.DimZ) * KeysPerBlock;
        int partCount = IntrinsicMath.DivRoundUp(shape.PositionCount, keysPerPart);
        if (Grid.IdxZ < partCount)
        {
            ArrayView<float> sums = SharedMemory.Allocate<float>(TRows.Count * TTile.SumsPerRow);
            Attend<T, TElement, TRow, TRows, TTile>(
                queries, keys, values, cosines, sines, output, parts, sums, shape, scale, keysPerPart, partCount == 1);
            if (partCount > 1)
            {
                CombineLast<TRow, TRows>(parts, sums, output, arrivals, partCount, shape);
            }
        }
    }

    /// <summary>
    /// Has the last of the groups that share queries put their parts together, as <see cref="CombineKernel"/> does, and leaves the count of
    /// arrivals at zero. The parts' weights are gathered first, so that no load of a sum waits for another one.
    /// </summary>
    private static void CombineLast<TRow, TRows>(
        ArrayView<float> parts, ArrayView<float> scratch, ArrayView<float> output, ArrayView<int> arrivals, int partCount, AttentionShape shape)
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
    {
        ArrayView<int> before = SharedMemory.Allocate<int>(1);
        ArrayView<float> weights = scratch.SubView(0, TRows.Count * MaxParts);
        ArrayView<float> partTotals = scratch.SubView(TRows.Count * MaxParts, TRows.Count * MaxParts);
        ArrayView<float> totals = SharedMemory.Allocate<float>(TRows.Count);
        int lane = Group.IdxX;
        int lanes = Group.DimX;
        int counter = (Grid.IdxY * Grid.DimX) + Grid.IdxX;

        // what the lanes stored is there for every group before the arrival is
        MemoryFence.DeviceLevel();
        Group.Barrier();
        if (lane == 0)
        {
            before[0] = Atomic.Add(ref arrivals[counter], 1);
        }

        Group.Barrier();
        if (before[0] == partCount - 1)
        {
            MemoryFence.DeviceLevel();
            int headDim = shape.HeadDim;
            int firstRow = Grid.IdxX * TRows.Count;
            int rows = IntrinsicMath.Min(TRows.Count, shape.HeadsPerGroup - firstRow);
            long stride = headDim + PartExtra;
            for (int i = lane; i < rows * partCount; i += lanes)
            {
                int row = i / partCount;
                int part = i - (row * partCount);
                long begin = (((long)part * shape.HeadCount) + QueryIndex(shape, firstRow + row)) * stride;
                weights[(row * MaxParts) + part] = parts[begin + headDim];
                partTotals[(row * MaxParts) + part] = parts[begin + headDim + 1];
            }

            Group.Barrier();
            for (int row = lane; row < rows; row += lanes)
            {
                float max = float.NegativeInfinity;
                for (int part = 0; part < partCount; part++)
                {
                    max = XMath.Max(max, weights[(row * MaxParts) + part]);
                }

                float total = 0f;
                for (int part = 0; part < partCount; part++)
                {
                    float weight = XMath.Exp(weights[(row * MaxParts) + part] - max);
                    weights[(row * MaxParts) + part] = weight;
                    total += weight * partTotals[(row * MaxParts) + part];
                }

                totals[row] = total;
            }

            Group.Barrier();
            for (int i = lane; i < headDim; i += lanes)
            {
                for (int row = 0; row < rows; row++)
                {
                    int query = QueryIndex(shape, firstRow + row);
                    float sum = 0f;
                    for (int part = 0; part < partCount; part++)
                    {
                        sum += weights[(row * MaxParts) + part] * parts[((((long)part * shape.HeadCount) + query) * stride) + i];
                    }

                    output[((long)query * headDim) + i] = sum * XMath.Rcp(totals[row]);
                }
            }

            if (lane == 0)
            {
                arrivals[counter] = 0;
            }
        }
    }

    private sealed class TokenCut<TRow, TRows, TTile> : ITypedKernel<TokenLaunch>
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
        where TTile : struct, IAttentionTile
    {
        public TokenLaunch Load<T, TElement>(Accelerator accelerator)
            where T : unmanaged
            where TElement : struct, IElement<T>
        {
            var kernel = accelerator.LoadKernel<
                ArrayView<float>, ArrayView<T>, ArrayView<T>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
                ArrayView<int>, ArrayView<int>, AttentionShape, float>(TokenKernel<T, TElement, TRow, TRows, TTile>);
            return (stream, config, in o, parts, arrivals, position) => kernel(
                stream, config, o.Queries, o.Keys.As<T>(), o.Values.As<T>(), o.Cosines, o.Sines, o.Output, parts, arrivals, position, o.Shape, o.Scale);
        }
    }
}
