using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Kernels;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>An operation at a shape of Llama 3.</summary>
/// <param name="Case">What is launched.</param>
/// <param name="Others">Costs of kernels that it launches beside the one that the case's cost is of, by the first or the last part of their names.</param>
internal sealed record StaticCase(OpCase Case, params (string Kernel, Cost Cost)[] Others)
{
    /// <summary>In what it computes where it does not use tensor cores.</summary>
    public Arithmetic Arithmetic { get; init; } = Arithmetic.Single;

    /// <summary>The cost of one of the launches that the case makes; null for a second one that <see cref="Others"/> does not name.</summary>
    public Cost? CostOf(RecordedLaunch launch, IReadOnlyList<RecordedLaunch> made) =>
        Other(launch) ?? (launch == made.First(other => Other(other) is null) ? Case.Cost : null);

    private Cost? Other(RecordedLaunch launch)
    {
        string name = launch.Kernel.Name;
        int found = Array.FindIndex(Others, other => name.Split('.') is var parts && (parts[0] == other.Kernel || parts[^1] == other.Kernel));
        return found < 0 ? null : Others[found].Cost;
    }
}

/// <summary>
/// The cases that launch the catalog's kernels. Where several launch a kernel, the first counts. A new operation, or a new way of one, has a
/// case here as it has in <c>BenchCases</c>.
/// </summary>
internal static class StaticCases
{
    private const int Hidden = 4096;
    private const int Intermediate = 14336;
    private const int KeyValueWidth = 1024;
    private const int Vocabulary = 128256;
    private const int Prefill = 2048;

    // parts that 16 blocks of keys are cut into for so few heads
    private const int Parts = 16;

    private static readonly TensorType[] Types = [TensorType.Float32, TensorType.Float16, TensorType.BFloat16];

    // decoding by Llama 3 8B, without shared keys, by 70B, and with heads whose width is no multiple of eight
    private static readonly AttentionShape[] Decoding =
        [new(1, 2047, 32, 8, 128), new(1, 2047, 32, 32, 128), new(1, 2047, 64, 8, 128), new(1, 2047, 32, 32, 100), new(1, 2047, 32, 8, 100)];

    // 8B, and the narrow heads of Llama 3.2 1B
    private static readonly AttentionShape[] Prefilling = [new(Prefill, 0, 32, 8, 128), new(Prefill, 0, 32, 8, 64)];

    /// <summary>All of them.</summary>
    public static IEnumerable<StaticCase> All() => [.. Types.SelectMany(OfType), .. Untyped(), .. Spectral()];

    /// <summary>Those of a model's operations without a stored operand.</summary>
    public static IEnumerable<StaticCase> Untyped() =>
    [
        new(OpCases.Softmax(Decoding[0])),
        new(OpCases.Rotation(Prefill, 8, 128, 0)),
        new(OpCases.Gate(Prefill, Intermediate)),
        new(OpCases.Residual(Prefill, Hidden)),
        new(OpCases.Largest(Vocabulary)),
        new(
            SamplingCases.Choice(Vocabulary),
            (nameof(LogitPeak), LogitPeak.CostOf(Vocabulary)),
            (nameof(TokenWeights), TokenWeights.CostOf(Vocabulary)),
            (nameof(TokenDraw), TokenDraw.CostOf(Vocabulary))),
    ];

    /// <summary>Those of a model's operations whose stored operand has a type. The products have a tile each.</summary>
    public static IEnumerable<StaticCase> OfType(TensorType type) =>
    [
        new(OpCases.Vector(Intermediate, Hidden, type)),
        new(OpCases.VectorAdded(Hidden, Hidden, type)),
        new(OpCases.Qkv(Hidden, KeyValueWidth, Hidden, type)),
        new(OpCases.QkvAppended(32, 8, 128, Hidden, 2047, type)),
        new(OpCases.GateUp(Intermediate, Hidden, type)),
        Product(Prefill, Hidden, Hidden, type),
        Product(128, 2 * Intermediate, Hidden, type),
        Product(128, Intermediate, Hidden, type),
        Product(128, Hidden, Hidden, type),
        Product(512, Hidden, Hidden, type),
        Product(16, Hidden, Hidden, type),
        Product(16, Hidden, Hidden - 1, type),
        Product(4, Hidden, Hidden, type),
        new(OpCases.Gather(Prefill, Vocabulary, Hidden, type)),
        new(OpCases.Norm(Prefill, Hidden, type)),
        new(OpCases.Bias(Prefill, Hidden, type)),
        new(OpCases.CacheAppend(Prefill, 8, 128, 0, type)),
        .. from shape in Decoding select new StaticCase(OpCases.AttendToken(shape, type)),
        .. from shape in Decoding
           select new StaticCase(OpCases.Attend(shape, type), ("Combine", Attention.CombineCostOf(Parts, shape.HeadCount, shape.HeadDim))),
        .. from shape in Prefilling select new StaticCase(OpCases.Attend(shape, type)),
        new(OpCases.Scores(Decoding[0], type)),
        new(OpCases.WeightedSum(Decoding[0], type)),
    ];

    // of a layer of 8B
    private static IEnumerable<StaticCase> Spectral() =>
    [
        .. from type in Types select new StaticCase(OpSpectralCases.Triangles(8, 128, Hidden, columns: false, type)) { Arithmetic = Arithmetic.Double },
        new(OpSpectralCases.Products(8, 2, 128)) { Arithmetic = Arithmetic.Double },
        new(OpSpectralCases.Values(8, 128)) { Arithmetic = Arithmetic.Double },
    ];

    private static StaticCase Product(int tokens, int outputs, int inputs, TensorType type) =>
        new(OpCases.Matrix(tokens, outputs, inputs, type), (nameof(InputRounding), InputRounding.CostOf(tokens, inputs)));
}
