using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// Matrix operations of a whole warp of 32 lanes, which ILGPU does not have. Device side: only inside a kernel, in group-uniform control
/// flow, in groups of whole warps. CUDA devices of compute capability 8.0 and up run them on their tensor cores. <c>simd</c> and
/// <c>cpu</c> compute the same fragments where their warps have 32 lanes (<c>new SimdDevice(warpSize: 32)</c>,
/// <see cref="CPUDevice.Nvidia"/>). OpenCL devices do not offer them.
/// </summary>
public static class TensorCore
{
    /// <summary>Lanes that work together.</summary>
    public const int WarpSize = 32;

    /// <summary>
    /// D = A * B + C: A (16, 16) and B (16, 8) of <typeparamref name="T"/>, C and D (16, 8) of f32. On <c>cpu</c> and <c>simd</c> an element
    /// begins with that of C, and products are added with k ascending, each product and each sum rounded to f32; products of two f16
    /// are exact, and those of two bf16 are where they are normal numbers of f32. Tensor cores add in an order and with a rounding that
    /// NVIDIA does not state: a result lies within 2^-18 times the sum of the products' magnitudes and that of C.
    /// </summary>
    /// <typeparam name="T"><see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    public static MatrixAccumulator MultiplyAdd<T>(MatrixFragmentA a, MatrixFragmentB b, MatrixAccumulator c)
        where T : unmanaged => WarpMatrix.MultiplyAdd<T>(a, b, c);

    /// <summary>
    /// Loads an 8x8 matrix. Lane r below 8 names row r by its first element: 8 elements side by side in shared memory, at a multiple of
    /// 16 bytes; what other lanes name is not read. Lane l gets elements (l / 4, 2 * (l % 4)) and the next in the row.
    /// </summary>
    /// <param name="memory">A view of shared memory.</param>
    /// <param name="row">Index of this lane's row.</param>
    /// <typeparam name="T">An element of 16 bits.</typeparam>
    public static uint LoadMatrix<T>(ArrayView<T> memory, int row)
        where T : unmanaged => WarpMatrix.Load(memory, row, 1, transposed: false).Matrix0;

    /// <summary>Loads two 8x8 matrices: lanes 8 to 15 name the rows of the second.</summary>
    /// <inheritdoc cref="LoadMatrix{T}"/>
    public static MatrixFragmentB LoadMatrices2<T>(ArrayView<T> memory, int row)
        where T : unmanaged => WarpMatrix.Load(memory, row, 2, transposed: false).FirstB;

    /// <summary>Loads four 8x8 matrices: each lane names a row, lane 8 * m + r row r of matrix m.</summary>
    /// <inheritdoc cref="LoadMatrix{T}"/>
    public static MatrixFragmentA LoadMatrices4<T>(ArrayView<T> memory, int row)
        where T : unmanaged => WarpMatrix.Load(memory, row, 4, transposed: false);

    /// <summary>As <see cref="LoadMatrix{T}"/>, transposed: lane l gets elements (2 * (l % 4), l / 4) and the next in the column.</summary>
    /// <inheritdoc cref="LoadMatrix{T}"/>
    public static uint LoadMatrixTransposed<T>(ArrayView<T> memory, int row)
        where T : unmanaged => WarpMatrix.Load(memory, row, 1, transposed: true).Matrix0;

    /// <summary>As <see cref="LoadMatrices2{T}"/>, each matrix transposed.</summary>
    /// <inheritdoc cref="LoadMatrix{T}"/>
    public static MatrixFragmentB LoadMatrices2Transposed<T>(ArrayView<T> memory, int row)
        where T : unmanaged => WarpMatrix.Load(memory, row, 2, transposed: true).FirstB;

    /// <summary>As <see cref="LoadMatrices4{T}"/>, each matrix transposed.</summary>
    /// <inheritdoc cref="LoadMatrix{T}"/>
    public static MatrixFragmentA LoadMatrices4Transposed<T>(ArrayView<T> memory, int row)
        where T : unmanaged => WarpMatrix.Load(memory, row, 4, transposed: true);
}
