namespace Llama.Gpu.Kernels;

/// <summary>
/// Matrix product with a weight on the tensor cores of compute capability 9.0: <c>output[t, n] = sum_k input[t, k] * weight[n, k]</c>.
/// input (T, K) f32, weight (N, K) f16 or bf16, output (T, N) f32. As <see cref="TensorCoreMatMul"/> it rounds the input to the weight's
/// type, with the same error; <see cref="InputRounding"/> does it, into scratch memory of the caller's (2 T K bytes).
/// </summary>
/// <remarks>
/// As many groups as there are multiprocessors take tile after tile. In a group one warp has the tensor memory accelerator bring slices
/// of 64 along K, as many as shared memory holds, and two warp groups multiply them, each half of the tile's rows. Barriers with phases
/// say which slices are full and which are free, so that copies run ahead of the products, into the next tile too. A row of a slice is
/// 128 bytes, swizzled: the 8 rows that the tensor cores read at once lie in all 32 banks.
/// <para>
/// Many tokens take clusters of two groups, whose tiles lie one below the other and have the slices of the weight in common. Each group has
/// half of a slice brought to both, so that 512 rows of slices leave the L2 cache for two tiles of 128 x 256, not 768.
/// </para>
/// </remarks>
public sealed partial class WarpGroupMatMul
{
    private const int ChunkBytes = 16;

    // what a tile costs beside its products, as columns: the sums are stored, and products wait for the first slice
    private const int TileOverhead = 32;

    private readonly Accelerator _accelerator;
    private readonly InputRounding _rounding;
    private readonly Dictionary<(TensorType Type, WarpGroupTile Tile), MatMul.Launch> _launches = [];

    /// <summary>Prepares the operation for an accelerator with warp groups, or one that computes the same products.</summary>
    /// <param name="accelerator">Where it will run: with warps of 32 lanes, and 193 KiB of shared memory a group.</param>
    public WarpGroupMatMul(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        _accelerator = accelerator;
        _rounding = new(accelerator);
    }

    /// <summary>Bytes and operations of one run: those of a matrix product, and the rounded input written and read.</summary>
    public static Cost CostOf(TensorType type, int tokenCount, int outputSize, int inputSize)
    {
        Cost product = MatMul.CostOf(type, tokenCount, outputSize, inputSize);
        return product with { Bytes = product.Bytes + (2L * sizeof(ushort) * tokenCount * inputSize) };
    }

    /// <summary>Whether a weight can be copied in boxes if it begins where one may.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="inputSize">K.</param>
    public static bool Takes(TensorType type, int inputSize) =>
        type is TensorType.Float16 or TensorType.BFloat16 && inputSize % InputRounding.Chunk == 0;

    /// <summary>Whether the weight can be copied in boxes.</summary>
    /// <param name="weight">(N, K).</param>
    /// <param name="inputSize">K.</param>
    public static bool Takes(WeightView weight, int inputSize) => Takes(weight.Type, inputSize) && weight.Data.IsAlignedTo(ChunkBytes);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(T, K), K a multiple of 8; its scratch memory holds <see cref="InputRounding.ScratchBytes"/> from a multiple of 16 bytes on.</param>
    /// <param name="weight">(N, K), f16 or bf16, which <see cref="Takes(WeightView, int)"/> accepts.</param>
    /// <param name="output">(T, N) result; must not overlap <paramref name="input"/>.</param>
    /// <param name="outputSize">N.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, type or alignment, or an extent is out of range.</exception>
    public void Run(AcceleratorStream stream, ProductInput input, WeightView weight, ArrayView<float> output, int outputSize)
    {
        ArgumentNullException.ThrowIfNull(input);
        Run(TileFor(input.TokenCount, outputSize, _accelerator.NumMultiprocessors), stream, input, weight, output, outputSize);
    }

    /// <summary>Starts the operation with a tile.</summary>
    internal void Run(
        WarpGroupTile tile, AcceleratorStream stream, ProductInput input, WeightView weight, ArrayView<float> output, int outputSize)
    {
        MatMul.RequireOperands(input, weight, output, outputSize);
        if (!Takes(weight, input.InputSize))
        {
            throw new ArgumentException(
                $"expected Float16 or BFloat16 with rows that begin at multiples of {ChunkBytes} bytes, found {weight.Type} with rows of {input.InputSize}", nameof(weight));
        }

        Require.Holds(input.Scratch, InputRounding.ScratchBytes(input.TokenCount, input.InputSize), name: "scratch");
        Find(weight.Type, tile)(stream, input, weight, output, outputSize);
    }

    /// <summary>The tile that is done first: the groups take tiles in turns, and each turn lasts as long as a tile. In pairs if that is no later.</summary>
    /// <param name="tokenCount">T.</param>
    /// <param name="outputSize">N.</param>
    /// <param name="groups">Groups that run at once.</param>
    internal static WarpGroupTile TileFor(int tokenCount, int outputSize, int groups)
    {
        long Turns(int columns, int together) => IntrinsicMath.DivRoundUp(
            (long)IntrinsicMath.DivRoundUp(tokenCount, TileRows * together) * IntrinsicMath.DivRoundUp(outputSize, columns), Math.Max(1, groups / together));
        WarpGroupTile first = ((WarpGroupTile[])[WarpGroupTile.Wide, WarpGroupTile.Middle, WarpGroupTile.Narrow]).MinBy(tile =>
            Turns((int)tile, 1) * ((int)tile + TileOverhead));
        bool isPaired = first != WarpGroupTile.Narrow && tokenCount > TileRows && Turns((int)first, 2) <= Turns((int)first, 1);
        return isPaired ? first + 1 : first;
    }

    private MatMul.Launch Find(TensorType type, WarpGroupTile tile)
    {
        if (!_launches.TryGetValue((type, tile), out MatMul.Launch? launch))
        {
            launch = type == TensorType.Float16 ? Load<Half, HalfElement>(tile) : Load<BFloat16, BFloat16Element>(tile);
            _launches.Add((type, tile), launch);
        }

        return launch;
    }

    private MatMul.Launch Load<T, TElement>(WarpGroupTile tile)
        where T : unmanaged
        where TElement : struct, IElement<T> => tile switch
        {
            WarpGroupTile.WidePaired => Load<T, TElement, WidePairedWarpGroupTile>(),
            WarpGroupTile.Wide => Load<T, TElement, WideWarpGroupTile>(),
            WarpGroupTile.MiddlePaired => Load<T, TElement, MiddlePairedWarpGroupTile>(),
            WarpGroupTile.Middle => Load<T, TElement, MiddleWarpGroupTile>(),
            _ => Load<T, TElement, NarrowWarpGroupTile>(),
        };

    private MatMul.Launch Load<T, TElement, TTile>()
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TTile : struct, IWarpGroupTile
    {
        InputRounding.Launch<T> round = _rounding.Load<T, TElement>();
        var multiply = _accelerator.LoadKernel<TensorMap<T>, TensorMap<T>, ArrayView<float>, int, int, int>(
            TTile.Groups == 1 ? TileKernel<T, TTile> : PairKernel<T, TTile>);
        return (stream, input, weight, output, columns) =>
        {
            ArrayView<T> rounded = round(stream, input);
            int rows = input.TokenCount;
            int tiles = checked(IntrinsicMath.DivRoundUp(rows, TileRows * TTile.Groups) * IntrinsicMath.DivRoundUp(columns, TTile.Columns));
            int atOnce = Math.Max(1, _accelerator.NumMultiprocessors / TTile.Groups);
            multiply(
                stream,
                new KernelConfig(
                    new Index1D(Math.Min(tiles, atOnce) * TTile.Groups), new Index1D(Lanes), SharedMemoryConfig.RequestDynamic<byte>(SharedBytes<TTile>())),
                new TensorMap<T>(rounded, rows, input.InputSize, TileRows),
                new TensorMap<T>(weight.As<T>(), columns, input.InputSize, TTile.Columns / TTile.Groups),
                output,
                rows,
                columns,
                input.InputSize);
        };
    }

    /// <summary>Shared memory of a tile: slices of both operands, and two barriers for each stage.</summary>
    internal static int SharedBytes<TTile>()
        where TTile : struct, IWarpGroupTile => TTile.Stages * (((TileRows + TTile.Columns) * Depth * sizeof(ushort)) + (2 * sizeof(ulong)));
}
