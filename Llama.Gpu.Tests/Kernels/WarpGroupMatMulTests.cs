using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.TensorCores;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>The matrix product of warp groups against the specification in double precision.</summary>
public sealed class WarpGroupMatMulTests
{
    private static readonly TensorType[] Types = [TensorType.Float16, TensorType.BFloat16];

    // shapes that end within boxes, slices and tiles, of one tile and of several for each group; on cpu a slice takes a second
    private static IEnumerable<TestCaseData> Small() =>
        from type in Types
        from shape in (int[][])[[1, 1, 8], [130, 65, 72]]
        select new TestCaseData(type, shape[0], shape[1], shape[2]);

    private static IEnumerable<TestCaseData> Shapes() =>
        from type in Types
        from shape in (int[][])[[1, 1, 8], [2, 3, 16], [33, 65, 64], [64, 64, 72], [129, 257, 104], [128, 256, 128], [300, 130, 200], [130, 70, 1000]]
        select new TestCaseData(type, shape[0], shape[1], shape[2]);

    [TestCaseSource(nameof(Small))]
    public void Product_agrees_and_is_clean_on_cpu(TensorType type, int tokens, int outputs, int inner) =>
        Check(TensorAccelerators.Of("cpu"), type, tokens, outputs, inner);

    [TestCaseSource(nameof(Shapes))]
    public void Product_agrees_on_simd(TensorType type, int tokens, int outputs, int inner) =>
        Check(TensorAccelerators.Of("simd 512"), type, tokens, outputs, inner);

    [TestCase(256)]
    [TestCase(128)]
    [TestCase(32)]
    public void Product_agrees_on_vectors_of(int bits) => Check(TensorAccelerators.Of($"simd {bits}"), TensorType.BFloat16, 70, 66, 80);

    private static void Check(Accelerator accelerator, TensorType type, int tokens, int outputs, int inner) =>
        RoundedMatMul.Check(accelerator, new WarpGroupMatMul(accelerator).Run, type, tokens, outputs, inner);
}
