namespace Llama.Gpu.Jit;

/// <summary>
/// A lane's part of a 16x16 matrix A of 16-bit elements: four 8x8 matrices, of which lane l holds elements (l / 4, 2 * (l % 4)) in the
/// lower half of a word and (l / 4, 2 * (l % 4) + 1) in the upper half. That is the layout of PTX for <c>mma.m16n8k16</c>.
/// </summary>
/// <param name="Matrix0">Rows 0 to 7, columns 0 to 7.</param>
/// <param name="Matrix1">Rows 8 to 15, columns 0 to 7.</param>
/// <param name="Matrix2">Rows 0 to 7, columns 8 to 15.</param>
/// <param name="Matrix3">Rows 8 to 15, columns 8 to 15.</param>
public readonly record struct MatrixFragmentA(uint Matrix0, uint Matrix1, uint Matrix2, uint Matrix3)
{
    /// <summary>The first two matrices, as a fragment of B where <see cref="TensorCore.LoadMatrices4{T}"/> has loaded two of them.</summary>
    public MatrixFragmentB FirstB => new(Matrix0, Matrix1);

    /// <summary>The last two matrices, as a fragment of B.</summary>
    public MatrixFragmentB SecondB => new(Matrix2, Matrix3);
}

/// <summary>
/// A lane's part of a 16x8 matrix B (k, n) of 16-bit elements: lane l holds elements (2 * (l % 4), l / 4) in the lower half of a word and
/// (2 * (l % 4) + 1, l / 4) in the upper half. So a matrix that is stored as (n, k), as weights are, is loaded without transposing.
/// </summary>
/// <param name="Matrix0">k from 0 to 7.</param>
/// <param name="Matrix1">k from 8 to 15.</param>
public readonly record struct MatrixFragmentB(uint Matrix0, uint Matrix1);

/// <summary>A lane's part of a 16x8 matrix C or D of f32: elements of rows l / 4 and l / 4 + 8, columns 2 * (l % 4) and the next.</summary>
/// <param name="TopLeft">Row l / 4, column 2 * (l % 4).</param>
/// <param name="TopRight">Row l / 4, column 2 * (l % 4) + 1.</param>
/// <param name="BottomLeft">Row l / 4 + 8, column 2 * (l % 4).</param>
/// <param name="BottomRight">Row l / 4 + 8, column 2 * (l % 4) + 1.</param>
public readonly record struct MatrixAccumulator(float TopLeft, float TopRight, float BottomLeft, float BottomRight);
