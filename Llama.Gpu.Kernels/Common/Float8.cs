namespace Llama.Gpu.Kernels;

/// <summary>Eight singles: two loads or stores.</summary>
internal readonly struct Float8(Float4 low, Float4 high)
{
    /// <summary>The first four.</summary>
    public readonly Float4 Low = low;

    /// <summary>The last four.</summary>
    public readonly Float4 High = high;
}
