namespace Llama.Gpu.Kernels;

/// <summary>
/// Stores keys (rotated) or values of new tokens in the cache: <c>cache[firstPosition + t, i] = input[t, i]</c>, rounded to the
/// cache's type. input (T, kvHeads * headDim) f32, cache (capacity, kvHeads * headDim) stored. Both are row-major with rows of
/// the same width, so the new rows are one contiguous stretch.
/// </summary>
public sealed class KeyValueCacheAppend : ITypedKernel<KeyValueCacheAppend.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public KeyValueCacheAppend(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> input, WeightView cache, long offset, long count);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int tokenCount, int width) => new((long)tokenCount * width * (4 + type.ElementSize()), 0);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(T, width).</param>
    /// <param name="cache">(capacity, width), changed in T rows from <paramref name="firstPosition"/> on.</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="width">Width of all key-value heads together.</param>
    /// <param name="firstPosition">Position of the first token.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or the cache has no room for the tokens.</exception>
    public void Run(AcceleratorStream stream, ArrayView<float> input, WeightView cache, int tokenCount, int width, int firstPosition)
    {
        Require.Dimension(tokenCount);
        Require.Dimension(width);
        Require.Position(firstPosition, tokenCount);
        Require.Holds(input, tokenCount, width);
        Require.Holds(cache, (long)firstPosition + tokenCount, width);
        long count = (long)tokenCount * width;
        _kernels[cache.Type](stream, _shapes.Elementwise(count), input, cache, (long)firstPosition * width, count);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, long, long>(Kernel<T, TElement>);
        return (stream, config, input, cache, offset, count) => kernel(stream, config, input, cache.As<T>(), offset, count);
    }

    internal static void Kernel<T, TElement>(ArrayView<float> input, ArrayView<T> cache, long offset, long count)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        long end = Spread.End(count, Grid.IdxX, Grid.DimX);
        int lanes = Group.DimX;
        for (long i = Spread.First(count, Grid.IdxX, Grid.DimX) + Group.IdxX; i < end; i += lanes)
        {
            cache[offset + i] = TElement.FromFloat(input[i]);
        }
    }
}
