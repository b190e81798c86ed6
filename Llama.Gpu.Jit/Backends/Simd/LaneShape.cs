namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// How a value differs between the lanes of one vector. An affine value is <c>base + lane * Stride</c>, lane counted from 0 in
/// the vector; stride 0 is a uniform value. Both are computed once, as the scalar base.
/// </summary>
/// <param name="Form">Whether anything is known.</param>
/// <param name="Stride">Difference between neighbouring lanes, where affine.</param>
/// <param name="IsAligned">Stride 1, and the base is a multiple of the vector's lanes.</param>
internal readonly record struct LaneShape(LaneForm Form, long Stride = 0, bool IsAligned = false)
{
    public static readonly LaneShape Uniform = new(LaneForm.Affine);
    public static readonly LaneShape Varying = new(LaneForm.Varying);

    public bool IsUniform => Form == LaneForm.Affine && Stride == 0;

    public bool IsVarying => Form == LaneForm.Varying;

    public static LaneShape Affine(long stride) => new(LaneForm.Affine, stride);

    /// <summary>What holds for a value that is one or the other.</summary>
    public static LaneShape Join(LaneShape first, LaneShape second)
    {
        if (first.Form == LaneForm.Unknown)
        {
            return second;
        }

        if (second.Form == LaneForm.Unknown)
        {
            return first;
        }

        return first.IsVarying || second.IsVarying || first.Stride != second.Stride
            ? Varying
            : first with { IsAligned = first.IsAligned && second.IsAligned };
    }
}

/// <summary>What is known of a value.</summary>
internal enum LaneForm
{
    /// <summary>Not yet looked at.</summary>
    Unknown,

    /// <summary>A base and a stride.</summary>
    Affine,

    /// <summary>Any value in any lane.</summary>
    Varying,
}
