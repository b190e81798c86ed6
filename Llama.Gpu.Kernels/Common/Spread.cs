namespace Llama.Gpu.Kernels;

/// <summary>
/// Cuts a range into one block for each group, so that a group walks neighbouring elements whatever the size of the launch:
/// lanes start at the block's first element plus their index and step by the lanes of the group.
/// </summary>
internal static class Spread
{
    /// <summary>First element of a block.</summary>
    public static long First(long count, int block, int blocks) => IntrinsicMath.DivRoundUp(count, (long)blocks) * block;

    /// <summary>One past the last element of a block.</summary>
    public static long End(long count, int block, int blocks) => IntrinsicMath.Min(count, First(count, block + 1, blocks));
}
