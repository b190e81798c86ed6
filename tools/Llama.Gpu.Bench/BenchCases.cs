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

    private static readonly TensorType[] Types = [TensorType.BFloat16, TensorType.Float16, TensorType.Float32];

    // one token with 2047 before it, and a prefill from nothing
    private static readonly AttentionShape[] Attention = [new(1, 2047, 32, 8, 128), new(Prefill, 0, 32, 8, 128)];

    /// <summary>Every case, those that a token's time goes into first.</summary>
    public static IEnumerable<OpCase> All() =>
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
        .. from columns in (bool[])[false, true] select OpSpectralCases.Triangles(8, 128, Hidden, columns, TensorType.BFloat16),
        OpSpectralCases.Products(8, 2, 128),
        OpSpectralCases.Values(8, 128),
    ];
}
