namespace Llama.Gpu.Jit;

/// <summary>A 32-bit index or extent in one dimension; converts to and from <see cref="int"/>.</summary>
/// <param name="X">The value.</param>
public readonly record struct Index1D(int X)
{
    /// <summary>Number of positions of an extent.</summary>
    public int Size => X;

    /// <summary>The index of an integer.</summary>
    public static implicit operator Index1D(int x) => new(x);

    /// <summary>The integer of an index.</summary>
    public static implicit operator int(Index1D index) => index.X;

    /// <summary>Widens.</summary>
    public static implicit operator LongIndex1D(Index1D index) => new(index.X);
}
