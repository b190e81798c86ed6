namespace Llama.Gpu.Kernels;

/// <summary>What one launch has to do at least: each operand through memory once, and the arithmetic of the formula.</summary>
/// <param name="Bytes">Bytes read plus bytes written, each operand counted once.</param>
/// <param name="Flops">Floating-point operations; a multiplication with an addition counts two, a function one.</param>
public readonly record struct Cost(long Bytes, long Flops)
{
    /// <summary>The cost of one launch after the other.</summary>
    public static Cost operator +(Cost first, Cost second) => new(first.Bytes + second.Bytes, first.Flops + second.Flops);
}
