namespace Llama.Gpu.Kernels;

/// <summary>The tiles that <see cref="MatMul"/> is compiled for.</summary>
public enum MatMulTile
{
    /// <summary>4 x 4 by one lane.</summary>
    OneLane,

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
/// <param name="WarpRows">Weight rows that each warp takes, one after the other, in a matrix-vector product.</param>
/// <param name="KeysPerLane">Keys that a lane takes in the attention scores.</param>
/// <param name="Tile">Tile of the matrix product.</param>
public sealed record LaunchShapes(int Lanes, int ElementsPerLane, int WarpRows, int KeysPerLane, MatMulTile Tile)
{
    /// <summary>Most lanes a group has; the shared memory of the attention kernels is made for as many.</summary>
    public const int MaxLanes = 256;

    // Where lanes run one after the other, a group is a call: few groups, each with a long loop.
    private static readonly LaunchShapes OneLane = new(1, 1 << 14, 16, Require.MaxDimension, MatMulTile.OneLane);

    /// <summary>How <see cref="Kernels.Attention"/> is cut.</summary>
    public AttentionLaunch Attention { get; init; } = AttentionLaunch.OneLane;

    /// <summary>The shapes for an accelerator.</summary>
    public static LaunchShapes For(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        int lanes = Math.Min(accelerator.MaxNumThreadsPerGroup, Math.Min(MaxLanes, GroupReduction.MaxWarps * accelerator.WarpSize));
        LaunchShapes shapes = lanes switch
        {
            1 => OneLane,
            < 64 => new(lanes, 4, 1, 4, MatMulTile.OneLane),
            < 256 => new(lanes, 4, 1, 4, MatMulTile.Small),
            _ => new(lanes, 4, 1, 4, MatMulTile.Wide),
        };
        return shapes with { Attention = AttentionLaunch.For(accelerator) };
    }

    /// <summary>Groups of <see cref="Lanes"/> lanes over a flat range of elements.</summary>
    internal KernelConfig Elementwise(long count) => Config(Blocks(count, Lanes * (long)ElementsPerLane), 1, 1);

    /// <summary>Groups over rows (x) and over the columns of a row (y).</summary>
    internal KernelConfig RowsByColumns(int rows, int columns) => Config(rows, Blocks(columns, Lanes * (long)ElementsPerLane), 1);

    /// <summary>One group for each row (x) and head (y).</summary>
    internal KernelConfig RowGroups(int rows, int heads = 1) => Config(rows, heads, 1);

    /// <summary>A warp for each output, <see cref="WarpRows"/> outputs one after the other.</summary>
    internal KernelConfig WarpPerOutput(int outputs, int warpSize) =>
        Config(Blocks(outputs, Blocks(Lanes, warpSize) * (long)WarpRows), 1, 1);

    /// <summary>Groups over tokens (x), heads (y) and blocks of keys (z).</summary>
    internal KernelConfig Keys(int tokens, int heads, int keys) => Config(tokens, heads, Blocks(keys, Lanes * (long)KeysPerLane));

    private static int Blocks(long count, long perBlock) => checked((int)IntrinsicMath.DivRoundUp(count, perBlock));

    private KernelConfig Config(int x, int y, int z) => new(x, y, z, Lanes, 1, 1);
}
