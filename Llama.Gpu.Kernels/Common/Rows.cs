namespace Llama.Gpu.Kernels;

/// <summary>One of the weights that a launch multiplies with, and where its products go.</summary>
/// <typeparam name="TWeight">A view of the weight.</typeparam>
internal readonly struct Rows<TWeight>(TWeight weight, ArrayView<float> output, int count)
    where TWeight : struct
{
    /// <summary>(N, K) stored.</summary>
    public readonly TWeight Weight = weight;

    /// <summary>(N).</summary>
    public readonly ArrayView<float> Output = output;

    /// <summary>N.</summary>
    public readonly int Count = count;
}
