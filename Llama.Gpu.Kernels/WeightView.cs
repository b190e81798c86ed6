namespace Llama.Gpu.Kernels;

/// <summary>Device memory whose element type is known only while the program runs: a weight, or a key-value cache.</summary>
/// <param name="Type">Element type.</param>
/// <param name="Data">The elements, row-major and dense; begins at a multiple of the element size.</param>
public readonly record struct WeightView(TensorType Type, ArrayView<byte> Data)
{
    /// <summary>Number of elements.</summary>
    public long Length => Data.Length / Type.ElementSize();

    /// <summary>Wraps f32 elements.</summary>
    public static WeightView Of(ArrayView<float> elements) => new(TensorType.Float32, elements.Cast<byte>());

    /// <summary>Wraps f16 elements.</summary>
    public static WeightView Of(ArrayView<Half> elements) => new(TensorType.Float16, elements.Cast<byte>());

    /// <summary>Wraps bf16 elements.</summary>
    public static WeightView Of(ArrayView<BFloat16> elements) => new(TensorType.BFloat16, elements.Cast<byte>());

    /// <summary>The elements as the type they are stored in.</summary>
    /// <typeparam name="T">The stored type that <see cref="Type"/> names.</typeparam>
    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> is another type than <see cref="Type"/> names.</exception>
    public ArrayView<T> As<T>()
        where T : unmanaged
    {
        var stored = Type switch
        {
            TensorType.Float32 => typeof(float),
            TensorType.Float16 => typeof(Half),
            _ => typeof(BFloat16),
        };
        return typeof(T) == stored
            ? Data.Cast<T>()
            : throw new InvalidOperationException($"a view of {Type} elements cannot be read as {typeof(T).Name}");
    }

    /// <summary>A part of the elements.</summary>
    /// <param name="first">First element.</param>
    /// <param name="count">Number of elements.</param>
    public WeightView Slice(long first, long count) =>
        new(Type, Data.SubView(first * Type.ElementSize(), count * Type.ElementSize()));
}
