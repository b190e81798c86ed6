namespace Llama.Gpu.Jit;

/// <summary>A 64-bit index or extent in one dimension; converts to and from <see cref="long"/>.</summary>
/// <param name="X">The value.</param>
public readonly record struct LongIndex1D(long X)
{
    /// <summary>Number of positions of an extent.</summary>
    public long Size => X;

    /// <summary>The index of an integer.</summary>
    public static implicit operator LongIndex1D(long x) => new(x);

    /// <summary>The integer of an index.</summary>
    public static implicit operator long(LongIndex1D index) => index.X;

    /// <summary>Narrows.</summary>
    /// <exception cref="OverflowException">The value does not fit.</exception>
    public static explicit operator Index1D(LongIndex1D index) => index.ToIntIndex();

    /// <summary>Narrows.</summary>
    /// <exception cref="OverflowException">The value does not fit.</exception>
    public Index1D ToIntIndex() => checked((int)X);
}
