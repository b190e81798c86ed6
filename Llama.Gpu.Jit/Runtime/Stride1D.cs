namespace Llama.Gpu.Jit.Runtime;

/// <summary>How a one-dimensional buffer is laid out.</summary>
public interface IStride1D;

/// <summary>The layouts of one-dimensional buffers.</summary>
public static class Stride1D
{
    /// <summary>Element after element.</summary>
    public readonly struct Dense : IStride1D;
}
