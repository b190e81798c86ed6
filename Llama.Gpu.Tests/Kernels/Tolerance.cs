using Llama.Gpu.Kernels;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>How far a kernel's f32 result may lie from the double-precision specification: absolute plus relative.</summary>
/// <param name="Absolute">Error allowed at a value of 0.</param>
/// <param name="Relative">Error allowed in proportion to the value.</param>
internal readonly record struct Tolerance(double Absolute, double Relative)
{
    /// <summary>Whether a result is near enough; equal infinities and equal NaNs are.</summary>
    public bool Allows(double actual, double expected) =>
        actual.Equals(expected) || Math.Abs(actual - expected) <= Absolute + (Relative * Math.Abs(expected));

    /// <summary>
    /// The tolerance of an operation. Stored elements are rounded alike on both sides, so the type changes nothing unless the
    /// result itself is stored; what is left is f32 arithmetic (2^-24 is 6e-8) on operands of magnitude 1.
    /// </summary>
    public static Tolerance Of(string operation, TensorType type) => (operation, type) switch
    {
        // copies and choices: exact, and rounded to nearest even when stored
        (nameof(EmbeddingGather) or nameof(ArgMax) or nameof(TokenSampling), _) => default,

        // one rounding
        (nameof(BiasAdd) or nameof(ResidualAdd), _) => new(0, 6e-8),

        // a few roundings, a difference of products
        (nameof(Rope), _) => new(2e-7, 2e-7),

        // the same, and then stored: where it lies between two stored numbers, either of them (that values are rounded to the nearest
        // is checked in EdgeValueTests)
        (nameof(KeyValueCacheAppend), TensorType.Float32) => new(2e-7, 2e-7),
        (nameof(KeyValueCacheAppend), TensorType.Float16) => new(2e-7, 1.0 / 1024),
        (nameof(KeyValueCacheAppend), _) => new(2e-7, 1.0 / 128),
        (nameof(RmsNorm), _) => new(0, 6e-7),
        (nameof(SwiGlu), _) => new(1e-10, 1e-6),

        // sums of up to 1000 products, scaled so that the result is of magnitude 1
        (nameof(MatMul) or OpCases.SharedProduct or nameof(OutputHead), _) => new(4e-6, 1e-6),
        (nameof(MatVec) or $"{nameof(MatVec)} added", _) => new(2e-6, 1e-6),

        // such sums of what a norm has rounded, and the product of two of them
        (nameof(QkvProjection), _) => new(3e-6, 2e-6),

        // the same, turned, and stored: either of two neighbours
        (nameof(QkvAppend), TensorType.Float32) => new(5e-6, 3e-6),
        (nameof(QkvAppend), TensorType.Float16) => new(5e-6, 1.0 / 1024),
        (nameof(QkvAppend), _) => new(5e-6, 1.0 / 128),
        (nameof(GateUpProjection), _) => new(6e-6, 4e-6),
        (nameof(RopeScores), _) => new(8e-7, 1e-6),
        (nameof(CausalSoftmax), _) => new(1e-10, 4e-6),
        (nameof(AttentionWeightedSum), _) => new(2e-6, 1e-6),

        // a mean of values of magnitude 1, whose weights carry the error of scores of magnitude 10
        (nameof(Attention) or $"{nameof(Attention)} of a token", _) => new(4e-6, 1e-6),

        // f64 throughout; products of a triangle with itself, and singular values, of magnitude 1
        (nameof(HeadTriangles) or nameof(HeadProducts), _) => new(1e-13, 1e-13),
        (nameof(SingularValues), _) => new(1e-13, 1e-8),
        _ => throw new ArgumentException($"no tolerance is stated for {operation} on {type}", nameof(operation)),
    };

    /// <summary>
    /// The same where products with stored weights are those of tensor cores, which round the input to the weights' type: eight standard
    /// deviations of what that makes of sums that the cases scale to magnitude 1.
    /// </summary>
    public Tolerance OnTensorCores(string operation, TensorType type) => (operation, type) switch
    {
        (nameof(MatMul) or OpCases.SharedProduct or nameof(OutputHead), TensorType.BFloat16) => this with { Absolute = Absolute + 8e-3 },
        (nameof(MatMul) or OpCases.SharedProduct or nameof(OutputHead), TensorType.Float16) => this with { Absolute = Absolute + 1e-3 },
        _ => this,
    };
}
