namespace Llama.Gpu.Kernels;

/// <summary>
/// How a stored element becomes a number and back. A kernel takes the implementing struct as a type argument, so that the
/// compiler sees the conversion itself: no call is left in the loop.
/// </summary>
/// <typeparam name="T">Type in memory.</typeparam>
public interface IElement<T>
    where T : unmanaged
{
    /// <summary>Widens; exact.</summary>
    static abstract float ToFloat(T value);

    /// <summary>Rounds to nearest, ties to even.</summary>
    static abstract T FromFloat(float value);
}

/// <summary>f32 elements.</summary>
public readonly struct SingleElement : IElement<float>
{
    /// <inheritdoc/>
    public static float ToFloat(float value) => value;

    /// <inheritdoc/>
    public static float FromFloat(float value) => value;
}

/// <summary>f16 elements.</summary>
public readonly struct HalfElement : IElement<Half>
{
    /// <inheritdoc/>
    public static float ToFloat(Half value) => value;

    /// <inheritdoc/>
    public static Half FromFloat(float value) => (Half)value;
}

/// <summary>bf16 elements.</summary>
public readonly struct BFloat16Element : IElement<BFloat16>
{
    /// <inheritdoc/>
    public static float ToFloat(BFloat16 value) => value;

    /// <inheritdoc/>
    public static BFloat16 FromFloat(float value) => (BFloat16)value;
}
