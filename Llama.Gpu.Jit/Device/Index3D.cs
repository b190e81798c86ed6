namespace Llama.Gpu.Jit;

/// <summary>A 32-bit index or extent in three dimensions; x is the fastest.</summary>
/// <param name="X">First dimension.</param>
/// <param name="Y">Second dimension.</param>
/// <param name="Z">Third dimension.</param>
public readonly record struct Index3D(int X, int Y, int Z)
{
    /// <summary>Number of positions of an extent.</summary>
    public int Size => X * Y * Z;

    /// <summary>The index of a triple.</summary>
    public static implicit operator Index3D((int X, int Y, int Z) triple) => new(triple.X, triple.Y, triple.Z);

    /// <inheritdoc/>
    public override string ToString() => $"({X}, {Y}, {Z})";
}
