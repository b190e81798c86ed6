using System.Reflection;

namespace Llama.Gpu.Kernels;

/// <summary>One kernel of an operation, for one element type.</summary>
/// <param name="Name">The operation, its element type and its tile where it has them: <c>MatMul.bf16.Wide</c>.</param>
/// <param name="Method">The kernel's method, with every type argument given.</param>
/// <param name="Lanes">The most lanes that a launcher gives a group.</param>
public sealed record CatalogedKernel(string Name, MethodInfo Method, int Lanes)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Every kernel that <see cref="KernelSet"/> can load, in the one place that lists them: for compiling them all without a device.</summary>
public static class KernelCatalog
{
    private static readonly (string Name, Type Stored, Type Element)[] ElementTypes =
    [
        ("f32", typeof(float), typeof(SingleElement)),
        ("f16", typeof(Half), typeof(HalfElement)),
        ("bf16", typeof(BFloat16), typeof(BFloat16Element)),
    ];

    /// <summary>The kernels of every operation in f32, f16 and bf16.</summary>
    public static IReadOnlyList<CatalogedKernel> All { get; } =
    [
        .. Typed(typeof(EmbeddingGather), nameof(EmbeddingGather.Kernel)),
        .. Typed(typeof(RmsNorm), nameof(RmsNorm.Kernel)),
        .. Tiled<OneLaneTile>(nameof(MatMulTile.OneLane)),
        .. Tiled<SmallTile>(nameof(MatMulTile.Small)),
        .. Tiled<WideTile>(nameof(MatMulTile.Wide)),
        .. Typed(typeof(MatVec), nameof(MatVec.Kernel)),
        .. Typed(typeof(BiasAdd), nameof(BiasAdd.Kernel)),
        Plain(typeof(Rope), nameof(Rope.Kernel)),
        .. Typed(typeof(KeyValueCacheAppend), nameof(KeyValueCacheAppend.Kernel)),
        .. Attending<float, OneRow, NarrowAttention>(nameof(AttentionTile.Narrow)),
        .. Attending<float, OneRow, WideAttention>(nameof(AttentionTile.Wide)),
        .. Attending<Float4, FourRows, NarrowAttention>(nameof(AttentionTile.Narrow)),
        .. Attending<Float4, FourRows, WideAttention>(nameof(AttentionTile.Wide)),
        .. Attending<Float8, EightRows, WideAttention>(nameof(AttentionTile.Wide)),
        Plain(typeof(Attention), nameof(Attention.CombineKernel)),
        .. Typed(typeof(RopeScores), nameof(RopeScores.Kernel)),
        Plain(typeof(CausalSoftmax), nameof(CausalSoftmax.Kernel)),
        .. Typed(typeof(AttentionWeightedSum), nameof(AttentionWeightedSum.Kernel)),
        Plain(typeof(SwiGlu), nameof(SwiGlu.Kernel)),
        Plain(typeof(ResidualAdd), nameof(ResidualAdd.Kernel)),
        .. Typed(typeof(OutputHead), nameof(OutputHead.Kernel)),
        Plain(typeof(ArgMax), nameof(ArgMax.Kernel)),
    ];

    private static CatalogedKernel Plain(Type operation, string method) => new(operation.Name, Find(operation, method), LaunchShapes.MaxLanes);

    private static IEnumerable<CatalogedKernel> Typed(Type operation, string method) => ElementTypes.Select(type => new CatalogedKernel(
        $"{operation.Name}.{type.Name}", Find(operation, method).MakeGenericMethod(type.Stored, type.Element), LaunchShapes.MaxLanes));

    private static IEnumerable<CatalogedKernel> Tiled<TTile>(string tile)
        where TTile : struct, IMatMulTile => ElementTypes.Select(type => new CatalogedKernel(
            $"{nameof(MatMul)}.{type.Name}.{tile}",
            Find(typeof(MatMul), nameof(MatMul.Kernel)).MakeGenericMethod(type.Stored, type.Element, typeof(TTile)),
            TTile.RowGroups << TTile.ColumnGroupShift));

    private static IEnumerable<CatalogedKernel> Attending<TRow, TRows, TTile>(string tile)
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
        where TTile : struct, IAttentionTile => ElementTypes.Select(type => new CatalogedKernel(
            $"{nameof(Attention)}.{type.Name}.{tile}{TRows.Count}",
            Find(typeof(Attention), nameof(Attention.Kernel)).MakeGenericMethod(
                type.Stored, type.Element, typeof(TRow), typeof(TRows), typeof(TTile)),
            AttentionLaunch.MaxLanes));

    private static MethodInfo Find(Type operation, string method) =>
        operation.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
        ?? throw new InvalidOperationException($"{operation.Name} has no kernel {method}");
}
