namespace Llama.Gpu.Jit;

/// <summary>A 32-bit index or extent in two dimensions; x is the fastest.</summary>
/// <param name="X">First dimension.</param>
/// <param name="Y">Second dimension.</param>
public readonly record struct Index2D(int X, int Y)
{
    /// <summary>Number of positions of an extent.</summary>
    public int Size => X * Y;

    /// <summary>The index of a pair.</summary>
    public static implicit operator Index2D((int X, int Y) pair) => new(pair.X, pair.Y);
}
