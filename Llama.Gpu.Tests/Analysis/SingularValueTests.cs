using System.Collections.Concurrent;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using MathNet.Numerics.LinearAlgebra;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Analysis;

/// <summary>
/// Singular values of head slices against MathNet's in double: every value above 1e-6 of the largest to 1e-4 was asked for. Arithmetic
/// is f64 here, so the tests ask for 1e-9, and 1e-13 of the largest.
/// </summary>
public sealed class SingularValueTests
{
    // the third of the four kinds that Make makes
    private const int Graded = 2;

    private static readonly ConcurrentDictionary<(int Width, int Length), (float[] Weight, double[][] Expected)> Made = [];

    [Test]
    public void Values_agree_on_simd([Values(512, 256, 128, 32)] int bits, [Values] bool columns)
    {
        foreach (var (width, length) in ((int, int)[])[(8, 64), (7, 33), (33, 7), (1, 5)])
        {
            Check(SimdAccelerators.Of(bits), width, length, columns);
        }
    }

    [TestCase(128, 4096, false)]
    [TestCase(64, 2048, true)]
    public void Values_of_large_heads_agree_on_simd(int width, int length, bool columns) =>
        Check(SimdAccelerators.Of(256), width, length, columns);

    [TestCase(128, 4096, false)]
    [TestCase(64, 2048, true)]
    [TestCase(8, 64, false)]
    [TestCase(33, 7, true)]
    public void Values_agree_on_opencl(int width, int length, bool columns) => Check(TestAccelerators.OpenCl, width, length, columns);

    [TestCase(8, 64, false)]
    [TestCase(8, 64, true)]
    [TestCase(7, 33, true)]
    [TestCase(33, 7, false)]
    public void Values_agree_on_cpu(int width, int length, bool columns) => Check(TestAccelerators.Sequential, width, length, columns);

    // one head alone: a lane after the other takes its time
    [TestCase(128, 4096)]
    [TestCase(64, 2048)]
    public void Values_of_a_large_graded_head_agree_on_cpu(int width, int length) =>
        Check(TestAccelerators.Sequential, width, length, columns: false, [Graded]);

    private static void Check(Accelerator accelerator, int width, int length, bool columns, int[]? heads = null)
    {
        (float[] weight, double[][] expected) = Made.GetOrAdd((width, length), shape => Make(shape.Width, shape.Length));
        heads ??= [.. Enumerable.Range(0, expected.Length)];
        float[] chosen = [.. heads.SelectMany(head => weight.AsSpan(head * width * length, width * length).ToArray())];
        HeadSlices slices = HeadSlices.Rows(heads.Length, width, length);
        if (columns)
        {
            // the same matrices, as an output projection has them
            slices = HeadSlices.Columns(heads.Length, width, length);
            chosen = [.. from element in Enumerable.Range(0, length) from row in Enumerable.Range(0, heads.Length * width) select chosen[(row * length) + element]];
        }

        using var data = new Kernels.OpData(accelerator, new KernelSet(accelerator));
        SpectralKernelSet kernels = data.Kernels.Spectral;
        ArrayView<double> triangles = data.Upload(new double[SquareMatrices.Length(heads.Length, width)]);
        ArrayView<double> work = data.Upload(new double[SingularValues.WorkLength(heads.Length, width)]);
        ArrayView<double> values = data.Upload(new double[heads.Length * width]);
        kernels.HeadTriangles.Run(accelerator.DefaultStream, WeightView.Of(data.Upload(chosen)), slices, triangles);
        kernels.SingularValues.Run(accelerator.DefaultStream, triangles, work, values, heads.Length, width);
        accelerator.DefaultStream.Synchronize();
        double[] all = values.GetAsArray();
        for (int i = 0; i < heads.Length; i++)
        {
            double[] found = [.. all.AsSpan(i * width, width).ToArray().OrderDescending()];
            double[] wanted = expected[heads[i]];
            for (int rank = 0; rank < width; rank++)
            {
                double value = rank < wanted.Length ? wanted[rank] : 0;
                double allowed = (1e-9 * value) + (1e-13 * wanted[0]);
                Assert.That(found[rank], Is.EqualTo(value).Within(allowed), $"{accelerator.Name} {width} x {length}, kind {heads[i]}, rank {rank}");
            }
        }
    }

    // random, of low rank, graded down to 1e-6, and zero; as f32, which rounds what is small against what is large
    private static (float[] Weight, double[][] Expected) Make(int width, int length)
    {
        var random = new Random((width * 10_000) + length);
        Matrix<double> Normal(int rows, int columns) => Matrix<double>.Build.Dense(rows, columns, (_, _) => NextNormal(random));
        int rank = Math.Max(1, Math.Min(width, length) / 4);
        int most = Math.Min(width, length);
        Matrix<double> left = Normal(width, width).QR().Q;
        Matrix<double> right = Normal(length, most).QR(MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Thin).Q;
        Matrix<double> graded = left.SubMatrix(0, width, 0, most)
            * Matrix<double>.Build.DiagonalOfDiagonalArray([.. Enumerable.Range(0, most).Select(i => Math.Pow(1e-6, (double)i / Math.Max(1, most - 1)))])
            * right.Transpose();
        Matrix<double>[] kinds =
        [
            Normal(width, length) * 0.02, Normal(width, rank) * Normal(rank, length), graded, Matrix<double>.Build.Dense(width, length),
        ];
        float[] weight = [.. kinds.SelectMany(kind => kind.ToRowMajorArray()).Select(value => (float)value)];

        // MathNet's is quicker on the tall form, and has all of what is 0 there
        double[][] expected =
        [
            .. Enumerable.Range(0, kinds.Length).Select(kind => Matrix<double>.Build
                .Dense(length, width, (element, vector) => weight[(((kind * width) + vector) * length) + element])
                .Svd(computeVectors: false).S.ToArray()),
        ];
        return (weight, expected);
    }

    private static double NextNormal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
