namespace Llama.Gpu.Kernels;

/// <summary>
/// The input (T, K) f32 of one or several matrix products, with scratch memory for the form that they multiply it in: turned round for the
/// vectors of a processor, rounded for tensor cores. The first product makes the form; others, as those of queries, keys and values, find
/// it there. While they run, on one stream, nobody else writes to either memory.
/// </summary>
/// <param name="values">(T, K).</param>
/// <param name="tokenCount">T, at least 1.</param>
/// <param name="inputSize">K.</param>
/// <param name="scratch">At least <see cref="MatMul.ScratchBytes"/> of every product; they leave anything in it.</param>
public sealed class ProductInput(ArrayView<float> values, int tokenCount, int inputSize, ArrayView<byte> scratch = default)
{
    /// <summary>(T, K).</summary>
    public ArrayView<float> Values => values;

    /// <summary>T.</summary>
    public int TokenCount => tokenCount;

    /// <summary>K.</summary>
    public int InputSize => inputSize;

    /// <summary>Memory for the form.</summary>
    public ArrayView<byte> Scratch => scratch;

    /// <summary>What stands in the scratch memory: the tile or the type of elements that it was made for, or null for nothing.</summary>
    internal Type? Form { get; set; }
}
