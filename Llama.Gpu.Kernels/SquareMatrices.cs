namespace Llama.Gpu.Kernels;

/// <summary>
/// How a batch of small square matrices in f64 lies in memory: what <see cref="HeadTriangles"/>, <see cref="HeadProducts"/> and
/// <see cref="SingularValues"/> hand to one another.
/// </summary>
public static class SquareMatrices
{
    /// <summary>Lanes of the widest vectors: loops over columns run from one multiple of it to another, so that no vector is used in part.</summary>
    internal const int Lanes = 16;

    /// <summary>Doubles of a cache line.</summary>
    internal const int Line = 8;

    /// <summary>
    /// Elements from one row of a matrix to the next: room for columns of zeros up to <see cref="PaddedColumns"/>, and an odd number of
    /// cache lines, so that the elements of a column do not meet in a few sets of a cache.
    /// </summary>
    public static int Stride(int size) => PaddedColumns(size) + Line;

    /// <summary>Elements of a batch.</summary>
    /// <param name="count">Matrices.</param>
    /// <param name="size">Rows and columns of each.</param>
    public static long Length(int count, int size) => (long)count * size * Stride(size);

    /// <summary>Columns with those of zeros behind them.</summary>
    internal static int PaddedColumns(int size) => (size + Lanes - 1) & -Lanes;

    /// <summary>The widest matrix of which rows of <see cref="Stride"/> elements are no longer than so many.</summary>
    internal static int MaxSize(int elements) => (elements - Line) & -Lanes;
}
