namespace Llama.Gpu.Kernels;

/// <summary>
/// Cuts a range into one block for each group, so that a group walks neighbouring elements whatever the size of the launch:
/// lanes start at the block's first element plus their index and step by the lanes of the group.
/// </summary>
internal static class Spread
{
    // on a GPU, a division of 64 bits is a call of some 80 instructions: a fifth of what an elementwise kernel runs through
    private const int DividedIn32Bits = 1 << 30;

    /// <summary>First element of a block.</summary>
    public static long First(long count, int block, int blocks) => PerBlock(count, blocks) * block;

    /// <summary>One past the last element of a block.</summary>
    public static long End(long count, int block, int blocks) => IntrinsicMath.Min(count, First(count, block + 1, blocks));

    private static long PerBlock(long count, int blocks) =>
        count <= DividedIn32Bits ? IntrinsicMath.DivRoundUp((int)count, blocks) : IntrinsicMath.DivRoundUp(count, (long)blocks);
}
