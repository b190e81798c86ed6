namespace Llama.Gpu.Kernels;

/// <summary>What a weight row is multiplied with, given as a type argument so that nothing is left of it where it is the input itself.</summary>
/// <typeparam name="T">Stored type of the gain.</typeparam>
internal interface IRowInput<T>
    where T : unmanaged
{
    /// <summary>The value at <paramref name="k"/>.</summary>
    static abstract float At(ArrayView<float> input, ArrayView<T> gain, int k);
}

/// <summary>The input; the gain is not read.</summary>
internal readonly struct PlainInput<T> : IRowInput<T>
    where T : unmanaged
{
    /// <inheritdoc/>
    public static float At(ArrayView<float> input, ArrayView<T> gain, int k) => input[k];
}

/// <summary>The input times the gain of a norm; what the norm divides by is the same for all and multiplied in afterwards.</summary>
internal readonly struct GainedInput<T, TElement> : IRowInput<T>
    where T : unmanaged
    where TElement : struct, IElement<T>
{
    /// <inheritdoc/>
    public static float At(ArrayView<float> input, ArrayView<T> gain, int k) => input[k] * TElement.ToFloat(gain[k]);
}
