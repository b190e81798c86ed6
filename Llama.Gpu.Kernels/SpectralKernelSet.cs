namespace Llama.Gpu.Kernels;

/// <summary>The operations of the spectral analysis, ready for one accelerator.</summary>
/// <param name="accelerator">Where the operations will run.</param>
/// <param name="shapes">How work is cut into groups and lanes; null for <see cref="LaunchShapes.For"/>.</param>
public sealed class SpectralKernelSet(Accelerator accelerator, LaunchShapes? shapes = null)
{
    /// <summary>Heads of a projection to triangles with the same singular values.</summary>
    public HeadTriangles HeadTriangles { get; } = new(accelerator, shapes);

    /// <summary>Products of two projections of a head, from their triangles.</summary>
    public HeadProducts HeadProducts { get; } = new(accelerator, shapes);

    /// <summary>Singular values of small square matrices.</summary>
    public SingularValues SingularValues { get; } = new(accelerator, shapes);
}
