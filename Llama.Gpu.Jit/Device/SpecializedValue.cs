namespace Llama.Gpu.Jit;

/// <summary>Makes <see cref="SpecializedValue{T}"/>s.</summary>
public static class SpecializedValue
{
    /// <summary>Wraps a value that a kernel is compiled for.</summary>
    public static SpecializedValue<T> New<T>(T value)
        where T : unmanaged, IEquatable<T> => new(value);
}

/// <summary>A kernel argument whose value the compiler may build into the code: one compilation for each distinct value.</summary>
/// <param name="Value">The value.</param>
public readonly record struct SpecializedValue<T>(T Value)
    where T : unmanaged, IEquatable<T>
{
    /// <summary>The value itself.</summary>
    public static implicit operator T(SpecializedValue<T> specialized) => specialized.Value;
}
