namespace Llama.Gpu.Jit;

/// <summary>Makes <see cref="SpecializedValue{T}"/>s.</summary>
public static class SpecializedValue
{
    /// <summary>Wraps a value that a kernel is compiled for.</summary>
    public static SpecializedValue<T> New<T>(T value)
        where T : unmanaged, IEquatable<T> => new(value);
}

/// <summary>
/// A kernel argument whose value is a constant of the compiled code: one compilation for each distinct value, at the first launch that
/// has it. Past 32 values of a kernel, code that takes it as an ordinary argument serves further ones, unless the kernel needs a
/// constant there, such as the extent of shared memory.
/// </summary>
/// <param name="Value">The value.</param>
public readonly record struct SpecializedValue<T>(T Value)
    where T : unmanaged, IEquatable<T>
{
    /// <summary>The value itself.</summary>
    public static implicit operator T(SpecializedValue<T> specialized) => specialized.Value;
}
