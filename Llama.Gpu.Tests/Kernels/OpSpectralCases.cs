using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Cases of the spectral analysis' operations.</summary>
internal static class OpSpectralCases
{
    /// <summary>R^T R, which has lost Q, against the slice times its transpose.</summary>
    public static OpCase Triangles(int heads, int width, int length, bool columns, TensorType type)
    {
        HeadSlices slices = columns ? HeadSlices.Columns(heads, width, length) : HeadSlices.Rows(heads, width, length);
        string shape = $"heads={heads} n={width} K={length} {(columns ? "columns" : "rows")}";
        return new(nameof(HeadTriangles), shape, type, HeadTriangles.CostOf(type, slices), data =>
        {
            var weight = data.Weights(type, (long)heads * width * length, Math.Sqrt(3.0 / length));
            var triangles = data.Upload(new double[SquareMatrices.Length(heads, width)]);
            return new(
                stream => data.Kernels.Spectral.HeadTriangles.Run(stream, weight.View, slices, triangles),
                () => Each(heads, width, Matrices(triangles.GetAsArray(), width), (lower, _) =>
                {
                    RequireLower(lower);
                    return lower * lower.Transpose();
                }),
                () => Each(heads, width, Slices(weight.Values, slices), (slice, _) => slice * slice.Transpose()));
        });
    }

    /// <summary>R_a R_b^T.</summary>
    public static OpCase Products(int heads, int keyValueHeads, int width) => new(
        nameof(HeadProducts), $"heads={heads}/{keyValueHeads} n={width}", TensorType.Float32, HeadProducts.CostOf(heads, keyValueHeads, width), data =>
        {
            double[] first = LowerTriangles(data, heads, width);
            double[] second = LowerTriangles(data, keyValueHeads, width);
            var a = data.Upload(first);
            var b = data.Upload(second);
            var products = data.Upload(new double[SquareMatrices.Length(heads, width)]);
            return new(
                stream => data.Kernels.Spectral.HeadProducts.Run(stream, a, b, products, heads, keyValueHeads, width),
                () => Each(heads, width, Matrices(products.GetAsArray(), width), (product, _) => product),
                () => Each(
                    heads, width, Matrices(first, width), (left, head) => left.Transpose() * Matrices(second, width)(head / (heads / keyValueHeads))));
        });

    /// <summary>Singular values, largest first.</summary>
    public static OpCase Values(int count, int size) => new(
        nameof(SingularValues), $"count={count} n={size}", TensorType.Float32, SingularValues.CostOf(count, size), data =>
        {
            double[] matrices = Fill(data, count, size, (row, column) => true);
            var view = data.Upload(matrices);
            var work = data.Upload(new double[SingularValues.WorkLength(count, size)]);
            var values = data.Upload(new double[count * size]);
            return new(
                stream => data.Kernels.Spectral.SingularValues.Run(stream, view, work, values, count, size),
                () => [.. values.GetAsArray().Chunk(size).SelectMany(ofOne => ofOne.OrderDescending())],
                () => [.. Enumerable.Range(0, count).SelectMany(i => Matrices(matrices, size)(i).Svd(computeVectors: false).S)]);
        });

    private static double[] LowerTriangles(OpData data, int count, int size) => Fill(data, count, size, (row, column) => column <= row);

    private static double[] Fill(OpData data, int count, int size, Func<int, int, bool> isThere)
    {
        double[] values = data.Floats((long)count * size * size).Values;
        var matrices = new double[SquareMatrices.Length(count, size)];
        for (int i = 0; i < values.Length; i++)
        {
            int row = i / size % size;
            if (isThere(row, i % size))
            {
                matrices[((i / size) * SquareMatrices.Stride(size)) + (i % size)] = values[i];
            }
        }

        return matrices;
    }

    private static Func<int, Matrix<double>> Matrices(double[] elements, int size) => index => Matrix<double>.Build.Dense(
        size, size, (row, column) => elements[((((index * size) + row)) * SquareMatrices.Stride(size)) + column]);

    private static Func<int, Matrix<double>> Slices(double[] weight, HeadSlices slices) => head => Matrix<double>.Build.Dense(
        slices.Width,
        slices.Length,
        (vector, element) => weight[(head * slices.HeadStride) + (vector * slices.VectorStride) + (element * slices.ElementStride)]);

    private static double[] Each(int count, int size, Func<int, Matrix<double>> matrix, Func<Matrix<double>, int, Matrix<double>> map) =>
        [.. Enumerable.Range(0, count).SelectMany(i => map(matrix(i), i).ToRowMajorArray())];

    private static void RequireLower(Matrix<double> matrix)
    {
        foreach (var (row, column, value) in matrix.EnumerateIndexed(Zeros.AllowSkip))
        {
            if (column > row && value != 0)
            {
                throw new InvalidOperationException($"expected a lower triangle, found {value} in row {row}, column {column}");
            }
        }
    }
}
