namespace Llama.Gpu.Kernels;

/// <summary>Four rows of a weight that a warp multiplies side by side, of which each is a stream.</summary>
/// <param name="first">(K) stored.</param>
/// <param name="second">(K) stored.</param>
/// <param name="third">(K) stored.</param>
/// <param name="fourth">(K) stored.</param>
internal readonly struct RowStreams<T>(ArrayView<T> first, ArrayView<T> second, ArrayView<T> third, ArrayView<T> fourth)
    where T : unmanaged
{
    // how far ahead of a stream its memory is asked for: a processor's own prefetching ends with a page of 4 KiB
    private const int PrefetchedBytes = 1024;

    private readonly ArrayView<T> _first = first;
    private readonly ArrayView<T> _second = second;
    private readonly ArrayView<T> _third = third;
    private readonly ArrayView<T> _fourth = fourth;

    /// <summary>Rows <paramref name="stride"/> apart.</summary>
    /// <param name="weight">(N, K) stored.</param>
    /// <param name="row">The first row; rows from <paramref name="rowCount"/> on are the last one again.</param>
    /// <param name="stride">From one row to the next.</param>
    /// <param name="rowCount">N.</param>
    /// <param name="inputSize">K.</param>
    public static RowStreams<T> Of(ArrayView<T> weight, int row, int stride, int rowCount, int inputSize) => new(
        WeightRows.Row(weight, row, rowCount, inputSize),
        WeightRows.Row(weight, row + stride, rowCount, inputSize),
        WeightRows.Row(weight, row + (2 * stride), rowCount, inputSize),
        WeightRows.Row(weight, row + (3 * stride), rowCount, inputSize));

    /// <summary>Asks for what is read some turns later.</summary>
    public void Prefetch(int at)
    {
        int ahead = at + (PrefetchedBytes / Interop.SizeOf<T>());
        StreamedMemory.Prefetch(_first, ahead);
        StreamedMemory.Prefetch(_second, ahead);
        StreamedMemory.Prefetch(_third, ahead);
        StreamedMemory.Prefetch(_fourth, ahead);
    }

    /// <summary>Adds the products of an element of each row with <paramref name="x"/>.</summary>
    public Float4 MultiplyAdd<TElement>(int at, float x, Float4 sums)
        where TElement : struct, IElement<T> => new(
        Kernels.MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(_first, at)), x, sums.X),
        Kernels.MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(_second, at)), x, sums.Y),
        Kernels.MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(_third, at)), x, sums.Z),
        Kernels.MultiplyAdd.Of(TElement.ToFloat(StreamedMemory.Load(_fourth, at)), x, sums.W));
}
