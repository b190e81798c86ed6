namespace Llama.Gpu.Kernels;

/// <summary>
/// Where the heads of a projection lie in its weight: a head is <see cref="Width"/> vectors of <see cref="Length"/> elements each,
/// rows of the weight for queries, keys and values, columns of it for the output projection.
/// </summary>
/// <param name="Count">Heads.</param>
/// <param name="Width">Vectors of a head: the head's dimension.</param>
/// <param name="Length">Elements of a vector: the hidden size.</param>
/// <param name="HeadStride">Elements from one head to the next.</param>
/// <param name="VectorStride">Elements from one vector of a head to the next.</param>
/// <param name="ElementStride">Elements from one element of a vector to the next.</param>
public readonly record struct HeadSlices(int Count, int Width, int Length, long HeadStride, long VectorStride, long ElementStride)
{
    /// <summary>Heads that are rows of a weight of (count * headDim, hidden): q, k and v.</summary>
    public static HeadSlices Rows(int count, int headDim, int hidden) => new(count, headDim, hidden, (long)headDim * hidden, hidden, 1);

    /// <summary>Heads that are columns of a weight of (hidden, count * headDim): o.</summary>
    public static HeadSlices Columns(int count, int headDim, int hidden) => new(count, headDim, hidden, headDim, 1, (long)count * headDim);

    /// <summary>Elements of the weight.</summary>
    internal long ElementCount => (long)Count * Width * Length;
}
