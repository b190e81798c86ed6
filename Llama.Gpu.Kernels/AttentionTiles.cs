namespace Llama.Gpu.Kernels;

/// <summary>How the lanes of a group share the values in <see cref="Attention"/>.</summary>
public enum AttentionTile
{
    /// <summary>A lane takes one element of a row, its neighbour the next: lanes that are elements of a vector.</summary>
    Narrow,

    /// <summary>A lane takes eight neighbouring elements, and lanes left over take further keys: lanes of a GPU.</summary>
    Wide,
}

/// <summary>Constants of an <see cref="AttentionTile"/>, given as a type argument so that the compiler sees them as constants.</summary>
internal interface IAttentionTile
{
    /// <summary>Log2 of the neighbouring elements of a value that a lane takes at once; the width of a head is a multiple of them.</summary>
    static abstract int ElementShift { get; }

    /// <summary>Whether lanes beyond the width of a head form slices that take keys in turn.</summary>
    static abstract bool HasSlices { get; }

    /// <summary>The most sums that the slices of a group keep of one query.</summary>
    static abstract int SumsPerRow { get; }
}

/// <summary><see cref="AttentionTile.Narrow"/>.</summary>
internal readonly struct NarrowAttention : IAttentionTile
{
    /// <inheritdoc/>
    public static int ElementShift => 0;

    /// <inheritdoc/>
    public static bool HasSlices => false;

    /// <inheritdoc/>
    public static int SumsPerRow => Attention.MaxHeadDim;
}

/// <summary><see cref="AttentionTile.Wide"/>.</summary>
internal readonly struct WideAttention : IAttentionTile
{
    /// <inheritdoc/>
    public static int ElementShift => 3;

    /// <inheritdoc/>
    public static bool HasSlices => true;

    /// <inheritdoc/>
    public static int SumsPerRow => AttentionLaunch.MaxLanes << 3;
}
