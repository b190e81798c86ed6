using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Kernels;

namespace Llama.Gpu.Bench;

/// <summary>The shapes that operations are timed at: those of Llama 3 8B, for one token and for a prefill of 128.</summary>
internal static class BenchCases
{
    private const int Hidden = 4096;
    private const int Intermediate = 14336;
    private const int KeyValueWidth = 1024;
    private const int Vocabulary = 128256;
    private const int Prefill = 128;
    private const int Square = 8192;

    private static readonly TensorType[] Types = [TensorType.BFloat16, TensorType.Float16, TensorType.Float32];

    // one token with 2047 before it, and a prefill from nothing
    private static readonly AttentionShape[] Attention = [new(1, 2047, 32, 8, 128), new(Prefill, 0, 32, 8, 128)];

    /// <summary>The lists by the names that the command line has for them.</summary>
    public static IReadOnlyDictionary<string, Func<IEnumerable<OpCase>>> Lists { get; } = new Dictionary<string, Func<IEnumerable<OpCase>>>
    {
        ["operations"] = Operations,
        ["prefill"] = () => Prefills(Square, [128, 512, 2048, 8192]),
        ["prefill-short"] = () => Prefills(Square, [128, 2048]),
        ["prefill-small"] = () => Prefills(256, [64]),
    };

    /// <summary>Every operation, those that a token's time goes into first.</summary>
    public static IEnumerable<OpCase> Operations() =>
    [
        .. from type in Types
           from shape in ((int N, int K)[])[(Hidden, Intermediate), (Intermediate, Hidden), (Hidden, Hidden), (KeyValueWidth, Hidden)]
           select OpCases.Vector(shape.N, shape.K, type),
        OpCases.Qkv(Hidden, KeyValueWidth, Hidden, TensorType.BFloat16),
        OpCases.GateUp(Intermediate, Hidden, TensorType.BFloat16),
        OpCases.Head(1, 32000, 1024, TensorType.BFloat16),
        .. from type in Types select OpCases.Matrix(Prefill, Hidden, Hidden, type),
        OpCases.Matrix(Prefill, KeyValueWidth, Hidden, TensorType.BFloat16),
        .. from shape in Attention select OpCases.Attend(shape, TensorType.BFloat16),
        .. from shape in Attention select OpCases.Scores(shape, TensorType.BFloat16),
        .. from shape in Attention select OpCases.Softmax(shape),
        .. from shape in Attention select OpCases.WeightedSum(shape, TensorType.BFloat16),
        .. from tokens in (int[])[1, Prefill] select OpCases.Norm(tokens, Hidden, TensorType.BFloat16),
        .. from tokens in (int[])[1, Prefill] select OpCases.Gate(tokens, Intermediate),
        .. from tokens in (int[])[1, Prefill] select OpCases.Residual(tokens, Hidden),
        .. from tokens in (int[])[1, Prefill] select OpCases.Rotation(tokens, 8, 128, 0),
        .. from tokens in (int[])[1, Prefill] select OpCases.CacheAppend(tokens, 8, 128, 0, TensorType.BFloat16),
        .. from tokens in (int[])[1, Prefill] select OpCases.Gather(tokens, 32000, 1024, TensorType.BFloat16),
        OpCases.Bias(Prefill, Hidden, TensorType.BFloat16),
        OpCases.Largest(Vocabulary),
        SamplingCases.Choice(Vocabulary),
        .. from columns in (bool[])[false, true] select OpSpectralCases.Triangles(8, 128, Hidden, columns, TensorType.BFloat16),
        OpSpectralCases.Products(8, 2, 128),
        OpSpectralCases.Values(8, 128),
    ];

    // what libraries are held against (tools/gpu-check): a square product, the four of a layer, attention with and without tokens before it,
    // and of narrow heads
    private static IEnumerable<OpCase> Prefills(int square, int[] tokens) =>
    [
        .. from shared in (bool[])[false, true] select OpCases.Matrix(square, square, square, TensorType.BFloat16, some: true, shared),
        .. from t in tokens
           from shape in ((int N, int K)[])[(Hidden, Hidden), (KeyValueWidth, Hidden), (Intermediate, Hidden), (Hidden, Intermediate)]
           from shared in (bool[])[false, true]
           select OpCases.Matrix(t, shape.N, shape.K, TensorType.BFloat16, some: true, shared),
        .. from t in tokens select OpCases.Attend(new(t, 0, 32, 8, 128), TensorType.BFloat16, some: true),
        OpCases.Attend(new(tokens[^1], 0, 32, 8, 64), TensorType.BFloat16, some: true),
        OpCases.Attend(new(1, tokens[^1] - 1, 32, 8, 128), TensorType.BFloat16),
    ];
}
