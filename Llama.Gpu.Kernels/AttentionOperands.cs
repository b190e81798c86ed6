namespace Llama.Gpu.Kernels;

/// <summary>What attention in one pass reads and writes.</summary>
/// <param name="Queries">(T, heads, headDim), not rotated.</param>
/// <param name="Keys">(capacity, kvHeads, headDim) cache that holds the rotated keys of all S positions.</param>
/// <param name="Values">(capacity, kvHeads, headDim) cache that holds the values of all S positions; of the keys' type.</param>
/// <param name="Cosines">(positions, headDim/2).</param>
/// <param name="Sines">(positions, headDim/2).</param>
/// <param name="Output">(T, heads, headDim) result; must not overlap another view.</param>
/// <param name="Shape">Extents; a head of at most <see cref="Attention.MaxHeadDim"/>.</param>
/// <param name="Scale">Factor of every score: 1 / sqrt(headDim).</param>
public readonly record struct AttentionOperands(
    ArrayView<float> Queries,
    WeightView Keys,
    WeightView Values,
    ArrayView<float> Cosines,
    ArrayView<float> Sines,
    ArrayView<float> Output,
    AttentionShape Shape,
    float Scale)
{
    /// <summary>Throws an <see cref="ArgumentException"/> unless every view has its shape and type and extents are within range.</summary>
    internal void Validate()
    {
        (var queries, WeightView keys, WeightView values, var cosines, var sines, var output, AttentionShape shape, _) = this;
        shape.Validate(nameof(shape));
        if (shape.HeadDim > Attention.MaxHeadDim)
        {
            throw new ArgumentException($"expected a head at most {Attention.MaxHeadDim} wide, found {shape.HeadDim}", nameof(shape));
        }

        Require.Holds(queries, shape.TokenCount, shape.QueryWidth);
        Require.Holds(keys, shape.PositionCount, shape.KeyValueWidth);
        Require.Holds(values, shape.PositionCount, shape.KeyValueWidth);
        if (values.Type != keys.Type)
        {
            throw new ArgumentException($"expected elements of the keys' type {keys.Type}, found {values.Type}", nameof(values));
        }

        Require.Holds(cosines, shape.PositionCount, shape.HeadDim >> 1);
        Require.Holds(sines, shape.PositionCount, shape.HeadDim >> 1);
        Require.Holds(output, shape.TokenCount, shape.QueryWidth);
    }
}
