namespace Llama.Gpu.Kernels;

/// <summary>Four singles: the products of four rows.</summary>
internal readonly struct Float4(float x, float y, float z, float w)
{
    /// <summary>First.</summary>
    public readonly float X = x;

    /// <summary>Second.</summary>
    public readonly float Y = y;

    /// <summary>Third.</summary>
    public readonly float Z = z;

    /// <summary>Fourth.</summary>
    public readonly float W = w;
}
