using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Kernels;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>An operation at a shape of Llama 3 8B, and at one small enough to be set up without a device that has kernels launched alike.</summary>
/// <param name="Large">What a roofline is computed for.</param>
/// <param name="Small">What is launched.</param>
internal sealed record StaticCase(OpCase Large, OpCase Small);

/// <summary>
/// The cases that launch the catalog's kernels. Where several launch a kernel, the first counts. A new operation, or a new way of one, has a
/// case here as it has in <c>BenchCases</c>.
/// </summary>
internal static class StaticCases
{
    private const int Hidden = 4096;
    private const int Intermediate = 14336;
    private const int KeyValueWidth = 1024;

    private static readonly TensorType[] Types = [TensorType.Float32, TensorType.Float16, TensorType.BFloat16];

    // decoding with and without shared keys, prefill, and heads whose width is no multiple of eight
    private static readonly (AttentionShape Large, AttentionShape Small)[] Attention =
    [
        (new(1, 2047, 32, 8, 128), new(1, 511, 4, 1, 128)),
        (new(1, 2047, 32, 32, 128), new(1, 511, 2, 2, 128)),
        (new(2048, 0, 32, 8, 128), new(64, 0, 4, 1, 128)),
        (new(1, 2047, 32, 32, 100), new(1, 255, 2, 2, 100)),
        (new(1, 2047, 32, 8, 100), new(1, 255, 4, 1, 100)),
    ];

    /// <summary>All of them.</summary>
    public static IEnumerable<StaticCase> All() => [.. Types.SelectMany(OfType), .. Untyped()];

    /// <summary>Those of operations without a stored operand.</summary>
    public static IEnumerable<StaticCase> Untyped() =>
    [
        new(OpCases.Softmax(Attention[0].Large), OpCases.Softmax(Attention[0].Small)),
        new(OpCases.Rotation(2048, 8, 128, 0), OpCases.Rotation(16, 8, 128, 0)),
        new(OpCases.Gate(2048, Intermediate), OpCases.Gate(2, Intermediate)),
        new(OpCases.Residual(2048, Hidden), OpCases.Residual(16, Hidden)),
        new(OpCases.Largest(128256), OpCases.Largest(128256)),
    ];

    /// <summary>Those whose stored operand has a type.</summary>
    public static IEnumerable<StaticCase> OfType(TensorType type) =>
    [
        new(OpCases.Vector(Intermediate, Hidden, type), OpCases.Vector(256, Hidden, type)),
        new(OpCases.VectorAdded(Hidden, Hidden, type), OpCases.VectorAdded(256, Hidden, type)),
        new(OpCases.Qkv(Hidden, KeyValueWidth, Hidden, type), OpCases.Qkv(64, 32, Hidden, type)),
        new(OpCases.GateUp(Intermediate, Hidden, type), OpCases.GateUp(64, Hidden, type)),
        new(OpCases.Matrix(2048, Hidden, Hidden, type), OpCases.Matrix(256, 256, 512, type)),
        new(OpCases.Matrix(16, Hidden, Hidden, type), OpCases.Matrix(16, 128, 512, type)),
        new(OpCases.Matrix(16, Hidden, Hidden - 1, type), OpCases.Matrix(16, 128, 511, type)),
        new(OpCases.Gather(2048, 128256, Hidden, type), OpCases.Gather(16, 8, Hidden, type)),
        new(OpCases.Norm(2048, Hidden, type), OpCases.Norm(4, Hidden, type)),
        new(OpCases.Bias(2048, Hidden, type), OpCases.Bias(16, Hidden, type)),
        new(OpCases.CacheAppend(2048, 8, 128, 0, type), OpCases.CacheAppend(16, 8, 128, 0, type)),
        .. from shape in Attention select new StaticCase(OpCases.Attend(shape.Large, type), OpCases.Attend(shape.Small, type)),
        new(OpCases.Scores(Attention[0].Large, type), OpCases.Scores(Attention[0].Small, type)),
        new(OpCases.WeightedSum(Attention[0].Large, type), OpCases.WeightedSum(Attention[0].Small, type)),
    ];
}
