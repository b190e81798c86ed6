using System.Runtime.CompilerServices;

namespace Llama.Gpu.Kernels;

/// <summary>The tiles that <see cref="MatMul"/> is compiled for.</summary>
public enum MatMulTile
{
    /// <summary>4 x 4 by one lane.</summary>
    OneLane,

    /// <summary>Blocks of 8 tokens by 3 columns, by vectors of 4 lanes, in panels for the accelerator that looks at every access.</summary>
    PackedSmall,

    /// <summary>Blocks of 8 tokens by 6 columns, by vectors of 4 lanes.</summary>
    Packed4,

    /// <summary>Blocks of 16 tokens by 6 columns, by vectors of 8 lanes.</summary>
    Packed8,

    /// <summary>Blocks of 32 tokens by 12 columns, by vectors of 16 lanes.</summary>
    Packed16,

    /// <summary>32 x 32 by 64 lanes.</summary>
    Small,

    /// <summary>64 x 64 by 256 lanes.</summary>
    Wide,
}

/// <summary>
/// How work is cut into groups and lanes on an accelerator: one table, so that no kernel and no launcher asks which
/// accelerator it is on. Kernels are right for any values; these decide how fast they are.
/// </summary>
/// <param name="Lanes">Lanes of a group in elementwise operations, row operations and attention; at most 256, in at most 32 warps.</param>
/// <param name="ElementsPerLane">Elements that a lane takes in an elementwise operation.</param>
/// <param name="ProductLanes">Lanes of a group in a matrix-vector product; at most 32 warps.</param>
/// <param name="WarpBlocks">Blocks of four weight rows that each warp takes, one after the other, in a matrix-vector product.</param>
/// <param name="RunBytes">Bytes of a weight row that a lane takes at a time in a matrix-vector product; below an element's size: one element.</param>
/// <param name="KeysPerLane">Keys that a lane takes in the attention scores.</param>
/// <param name="Tile">Tile of the matrix product.</param>
public sealed partial record LaunchShapes(
    int Lanes, int ElementsPerLane, int ProductLanes, int WarpBlocks, int RunBytes, int KeysPerLane, MatMulTile Tile)
{
    /// <summary>Most lanes a group has; the shared memory of the attention kernels is made for as many.</summary>
    public const int MaxLanes = 256;

    // Where lanes run one after the other, a group is a call: few groups, each with a long loop.
    private static readonly LaunchShapes OneLane = new(1, 1 << 14, 1, 16, 0, Require.MaxDimension, MatMulTile.OneLane);

    /// <summary>Most tokens that <see cref="MatMul"/> takes as several vectors, rather than as a tile.</summary>
    public int FewTokens { get; init; } = 8;

    /// <summary>Tokens of a prompt from which on more of them at once make its products no faster.</summary>
    public int PromptTokens { get; init; } = 64;

    /// <summary>Bytes of shared memory that a group may have.</summary>
    public int SharedBytes { get; init; } = 16 * 1024;

    /// <summary>Groups that run at the same time, at least.</summary>
    public int Processors { get; init; } = 1;

    /// <summary>How <see cref="Kernels.Attention"/> is cut.</summary>
    public AttentionLaunch Attention { get; init; } = AttentionLaunch.OneLane;

    /// <summary>Most lanes of a group that has the device for itself.</summary>
    public const int MaxLanesOfOneGroup = 1024;

    /// <summary>Lanes of a group that has the device for itself; at most <see cref="MaxLanesOfOneGroup"/>.</summary>
    public int LanesOfOneGroup { get; init; } = 1;

    /// <summary>
    /// Whether <see cref="QkvAppend"/> pays, which saves a launch: its warps take rows of one head, and a processor follows rows that lie in
    /// four quarters of a weight better (<see cref="QkvProjection"/>).
    /// </summary>
    public bool FusesAppend { get; init; } = true;

    /// <summary>The shapes for an accelerator.</summary>
    public static LaunchShapes For(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        int warp = accelerator.WarpSize;
        int lanes = Math.Min(accelerator.MaxNumThreadsPerGroup, Math.Min(MaxLanes, GroupReduction.MaxWarps * warp));
        LaunchShapes shapes = (lanes, warp, IsVectors(accelerator)) switch
        {
            (1, _, _) => OneLane,
            (_, >= 16, true) => Vectors(warp, MatMulTile.Packed16),
            (_, >= 8, true) => Vectors(warp, MatMulTile.Packed8),
            (_, >= 4, true) => Vectors(warp, MatMulTile.Packed4),
            (_, _, true) => Vectors(warp, MatMulTile.OneLane),
            ( < 64, _, _) => new(lanes, 4, lanes, 1, 16, 4, MatMulTile.OneLane),
            ( < 256, _, _) => new(lanes, 4, lanes, 1, 16, 4, MatMulTile.Small),
            _ => new(lanes, 4, lanes, 1, 16, 4, MatMulTile.Wide),
        };
        shapes = shapes with
        {
            FusesAppend = !IsVectors(accelerator),
            LanesOfOneGroup = Math.Min(IsVectors(accelerator) ? warp : accelerator.MaxNumThreadsPerGroup, MaxLanesOfOneGroup),
            Attention = AttentionLaunch.For(accelerator),
            SharedBytes = accelerator.MaxSharedMemoryPerGroup,
            Processors = accelerator.NumMultiprocessors,
        };
        TakeTensorCores(accelerator, ref shapes);
        return shapes;
    }

    /// <summary>Neighbouring elements of a type that a lane takes at a time: 1, 4 or 8.</summary>
    internal int RunLength<T>()
        where T : unmanaged => Math.Max(1, RunBytes / Unsafe.SizeOf<T>());

    // in the folder TensorCores, which a build against ILGPU leaves out
    static partial void TakeTensorCores(Accelerator accelerator, ref LaunchShapes shapes);

    /// <summary>Groups of <see cref="Lanes"/> lanes over a flat range of elements.</summary>
    internal KernelConfig Elementwise(long count) => Config(Blocks(count, Lanes * (long)ElementsPerLane), 1, 1);

    /// <summary>One group.</summary>
    internal KernelConfig OneGroup() => new(1, 1, 1, LanesOfOneGroup, 1, 1);

    /// <summary>Groups over rows (x) and over the columns of a row (y).</summary>
    internal KernelConfig RowsByColumns(int rows, int columns) => Config(rows, Blocks(columns, Lanes * (long)ElementsPerLane), 1);

    /// <summary>One group for each row (x) and head (y).</summary>
    internal KernelConfig RowGroups(int rows, int heads = 1) => Config(rows, heads, 1);

    /// <summary>A warp for each four outputs, <see cref="WarpBlocksFor"/> times four outputs one after the other.</summary>
    internal KernelConfig FourRowsPerWarp(int outputs, int warpSize) =>
        new(GroupsOfRows(outputs, warpSize, WarpBlocksFor(outputs, warpSize)), 1, 1, ProductLanes, 1, 1);

    /// <summary>
    /// Blocks of four rows for each warp of a matrix-vector product: <see cref="WarpBlocks"/>, or fewer where some processors would have
    /// nothing to do, or less than the others.
    /// </summary>
    internal int WarpBlocksFor(int outputs, int warpSize)
    {
        int blocks = Blocks(outputs, 4L * Blocks(ProductLanes, warpSize));
        int rounds = Blocks(blocks, (long)WarpBlocks * Processors);
        return Math.Max(1, Blocks(blocks, (long)rounds * Processors));
    }

    /// <summary>
    /// The same for several weights and an input that each group normalizes into shared memory, where it has <paramref name="more"/> elements
    /// beside; no group takes rows of two weights.
    /// </summary>
    internal KernelConfig NormedRows(ReadOnlySpan<int> outputs, int inputSize, int warpSize, int more = 0)
    {
        int all = 0;
        foreach (int rows in outputs)
        {
            all = checked(all + rows);
        }

        int warpBlocks = WarpBlocksFor(all, warpSize);
        int groups = 0;
        foreach (int rows in outputs)
        {
            groups = checked(groups + GroupsOfRows(rows, warpSize, warpBlocks));
        }

        return new(new Index1D(groups), new Index1D(ProductLanes), SharedMemoryConfig.RequestDynamic<float>(inputSize + more));
    }

    /// <summary>Most rows of a group of a matrix-vector product.</summary>
    internal int MostGroupRows(int warpSize) => 4 * Blocks(ProductLanes, warpSize) * WarpBlocks;

    /// <summary>
    /// Columns of a group of <see cref="PackedMatMul"/>: as many as it may have, if all processors have as many groups then; whole vectors.
    /// </summary>
    internal int PackedColumns(int columns, int mostColumns, int lanes)
    {
        int rounds = Blocks(columns, (long)mostColumns * Processors);
        return Blocks(Blocks(columns, (long)rounds * Processors), lanes) * lanes;
    }

    /// <summary>Whether a group has shared memory for an input of this size and more, beside what a reduction takes.</summary>
    internal bool HoldsNormed(int inputSize, int more = 0) => inputSize <= MostNormed(more);

    /// <summary>Checks an input that groups are to normalize, and its gain.</summary>
    /// <exception cref="ArgumentException">One does not have its shape or type, or a group has no shared memory for the input.</exception>
    internal void RequireNormed(ArrayView<float> input, WeightView gain, TensorType type, int inputSize, int more = 0)
    {
        Require.Dimension(inputSize);
        Require.Holds(input, inputSize);
        Require.IsShaped(gain, inputSize);
        Require.SameType(gain, type);
        if (!HoldsNormed(inputSize, more))
        {
            throw new ArgumentException($"expected at most {MostNormed(more)} on this accelerator, found {inputSize}", nameof(inputSize));
        }
    }

    /// <summary>Groups over tokens (x), heads (y) and blocks of keys (z).</summary>
    internal KernelConfig Keys(int tokens, int heads, int keys) => Config(tokens, heads, Blocks(keys, Lanes * (long)KeysPerLane));

    // an accelerator that is none of the known devices has the vectors of the host for lanes
    private static bool IsVectors(Accelerator accelerator) =>
        accelerator.AcceleratorType is not (AcceleratorType.CPU or AcceleratorType.Cuda or AcceleratorType.OpenCL);

    // More than one vector a group would only take turns, and each turn is a call. A group of elementwise operations has about 16 KiB of each view.
    private static LaunchShapes Vectors(int warp, MatMulTile tile) =>
        new(warp, Blocks(4096, warp), warp, 16, 0, 4, tile) { PromptTokens = Packed16Tile.PanelRows };

    private int MostNormed(int more) => (SharedBytes / sizeof(float)) - GroupReduction.MaxWarps - more;

    private int GroupsOfRows(int outputs, int warpSize, int warpBlocks) => Blocks(outputs, 4L * Blocks(ProductLanes, warpSize) * warpBlocks);

    private static int Blocks(long count, long perBlock) => checked((int)IntrinsicMath.DivRoundUp(count, perBlock));

    private KernelConfig Config(int x, int y, int z) => new(x, y, z, Lanes, 1, 1);
}
