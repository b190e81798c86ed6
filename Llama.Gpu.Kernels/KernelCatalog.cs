using System.Reflection;

namespace Llama.Gpu.Kernels;

/// <summary>One kernel of an operation, for one element type.</summary>
/// <param name="Name">The operation, its element type and its tile where it has them: <c>MatMul.bf16.Wide</c>.</param>
/// <param name="Method">The kernel's method, with every type argument given.</param>
/// <param name="Lanes">The most lanes that a launcher gives a group.</param>
/// <param name="Target">Which accelerators load it.</param>
public sealed record CatalogedKernel(string Name, MethodInfo Method, int Lanes, KernelTarget Target = KernelTarget.Any)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Which accelerators load a kernel.</summary>
public enum KernelTarget
{
    /// <summary>Any.</summary>
    Any,

    /// <summary>Those whose lanes are the elements of a processor's vectors.</summary>
    Vectors,

    /// <summary>GPUs with tensor cores and asynchronous copies.</summary>
    TensorCores,

    /// <summary>GPUs with products of warp groups and the tensor memory accelerator: sm_90a.</summary>
    WarpGroups,
}

/// <summary>Every kernel that <see cref="KernelSet"/> and <see cref="SpectralKernelSet"/> can load, in the one place that lists them: for compiling them all without a device.</summary>
public static partial class KernelCatalog
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
        .. Packed<PackedSmallTile>(nameof(MatMulTile.PackedSmall)),
        .. Packed<Packed4Tile>(nameof(MatMulTile.Packed4)),
        .. Packed<Packed8Tile>(nameof(MatMulTile.Packed8)),
        .. Packed<Packed16Tile>(nameof(MatMulTile.Packed16)),
        .. Tiled<SmallTile>(nameof(MatMulTile.Small)),
        .. Tiled<WideTile>(nameof(MatMulTile.Wide)),
        .. ByRun(typeof(MatMul), nameof(MatMul.FewTokensKernel), "FewTokens"),
        .. ByRun(typeof(MatVec), nameof(MatVec.Kernel), null, typeof(ReplaceStore)),
        .. ByRun(typeof(MatVec), nameof(MatVec.Kernel), "Add", typeof(AddStore)),
        .. ByRun(typeof(QkvProjection), nameof(QkvProjection.Kernel)),
        .. ByRun(typeof(QkvAppend), nameof(QkvAppend.Kernel)),
        .. ByRun(typeof(GateUpProjection), nameof(GateUpProjection.Kernel)),
        .. Typed(typeof(BiasAdd), nameof(BiasAdd.Kernel)),
        Plain(typeof(Rope), nameof(Rope.Kernel)),
        .. Typed(typeof(KeyValueCacheAppend), nameof(KeyValueCacheAppend.Kernel)),
        .. Attending<float, OneRow, NarrowAttention>(nameof(AttentionTile.Narrow)),
        .. Attending<float, OneRow, WideAttention>(nameof(AttentionTile.Wide)),
        .. Attending<Float4, FourRows, NarrowAttention>(nameof(AttentionTile.Narrow)),
        .. Attending<Float4, FourRows, WideAttention>(nameof(AttentionTile.Wide)),
        .. Attending<Float8, EightRows, WideAttention>(nameof(AttentionTile.Wide)),
        Plain(typeof(Attention), nameof(Attention.CombineKernel)) with { Name = $"{nameof(Attention)}.Combine" },
        .. Typed(typeof(RopeScores), nameof(RopeScores.Kernel)),
        Plain(typeof(CausalSoftmax), nameof(CausalSoftmax.Kernel)),
        .. Typed(typeof(AttentionWeightedSum), nameof(AttentionWeightedSum.Kernel)),
        Plain(typeof(SwiGlu), nameof(SwiGlu.Kernel)),
        Plain(typeof(ResidualAdd), nameof(ResidualAdd.Kernel)),
        Plain(typeof(ArgMax), nameof(ArgMax.Kernel)),
        Plain(typeof(LogitPeak), nameof(LogitPeak.Kernel)),
        Plain(typeof(TokenWeights), nameof(TokenWeights.Kernel)),
        Plain(typeof(TokenDraw), nameof(TokenDraw.Kernel)) with { Lanes = LaunchShapes.MaxLanesOfOneGroup },
        .. Typed(typeof(HeadTriangles), nameof(HeadTriangles.Kernel)),
        Plain(typeof(HeadProducts), nameof(HeadProducts.Kernel)),
        Plain(typeof(SingularValues), nameof(SingularValues.Kernel)),
        .. OfTensorCores(),
    ];

    /// <summary>
    /// Those of <see cref="OfGpus"/> that a model of bf16 weights with heads as Llama 3 8B has them, 128 wide and four to a key-value head,
    /// may come to launch, whatever its context and prompts: neither what observing and analysing it take, nor the tiles of narrower
    /// devices, nor attention for other heads.
    /// </summary>
    public static IEnumerable<CatalogedKernel> OfModelOnGpu
    {
        get
        {
            string[] others =
            [
                ".f16", ".f32", ".OneLane", ".Small", nameof(Rope), nameof(CausalSoftmax), nameof(AttentionWeightedSum),
                nameof(HeadTriangles), nameof(HeadProducts), nameof(SingularValues),
                "Attention.bf16.Narrow", "Attention.bf16.Wide1", "Token.Narrow", "Token.Wide1", "Token.Wide8",
            ];
            return OfGpus.Where(kernel => !others.Any(other => kernel.Name.Contains(other, StringComparison.Ordinal)));
        }
    }

    /// <summary>Those that a GPU may load.</summary>
    public static IReadOnlyList<CatalogedKernel> OfGpus { get; } = [.. All.Where(kernel => kernel.Target != KernelTarget.Vectors)];

    // those of the folder TensorCores, which a build against ILGPU leaves out
    static partial void AddTensorCores(List<CatalogedKernel> kernels);

    private static List<CatalogedKernel> OfTensorCores()
    {
        var kernels = new List<CatalogedKernel>();
        AddTensorCores(kernels);
        return kernels;
    }

    private static CatalogedKernel Plain(Type operation, string method) => new(operation.Name, Find(operation, method), LaunchShapes.MaxLanes);

    private static IEnumerable<CatalogedKernel> Typed(Type operation, string method) => ElementTypes.Select(type => new CatalogedKernel(
        $"{operation.Name}.{type.Name}", Find(operation, method).MakeGenericMethod(type.Stored, type.Element), LaunchShapes.MaxLanes));

    // with runs of one element, for vectors, and of 128 bits
    private static IEnumerable<CatalogedKernel> ByRun(Type operation, string method, string? variant = null, params Type[] more)
    {
        foreach ((string type, Type stored, Type element) in ElementTypes)
        {
            foreach (bool narrow in (bool[])[true, false])
            {
                Type run = narrow ? typeof(RunOfOne) : stored == typeof(float) ? typeof(RunOfFour) : typeof(RunOfEight);
                string name = $"{operation.Name}.{type}{(variant is null ? string.Empty : $".{variant}")}.{(narrow ? "Narrow" : "Wide")}";
                yield return new(name, Find(operation, method).MakeGenericMethod([stored, element, run, .. more]), LaunchShapes.MaxLanes, narrow ? KernelTarget.Vectors : KernelTarget.Any);
            }
        }
    }

    private static IEnumerable<CatalogedKernel> Packed<TTile>(string tile)
        where TTile : struct, IPackedTile =>
        [
            new($"{nameof(PackedInput)}.{tile}", Find(typeof(PackedInput), nameof(PackedInput.Kernel)).MakeGenericMethod(typeof(TTile)), 1 << TTile.LaneShift, KernelTarget.Vectors),
            .. ElementTypes.Select(type => new CatalogedKernel(
                $"{nameof(MatMul)}.{type.Name}.{tile}",
                Find(typeof(PackedMatMul), nameof(PackedMatMul.Kernel)).MakeGenericMethod(type.Stored, type.Element, typeof(TTile)),
                1 << TTile.LaneShift,
                KernelTarget.Vectors)),
            .. ElementTypes.Select(type => new CatalogedKernel(
                $"{nameof(PackedAttention)}.{type.Name}.{tile}",
                Find(typeof(PackedAttention), nameof(PackedAttention.Kernel)).MakeGenericMethod(type.Stored, type.Element, typeof(TTile)),
                1 << TTile.LaneShift,
                KernelTarget.Vectors)),
        ];

    private static IEnumerable<CatalogedKernel> Tiled<TTile>(string tile)
        where TTile : struct, IMatMulTile => ElementTypes.Select(type => new CatalogedKernel(
            $"{nameof(MatMul)}.{type.Name}.{tile}",
            Find(typeof(MatMul), nameof(MatMul.Kernel)).MakeGenericMethod(type.Stored, type.Element, typeof(TTile)),
            MatMul.LanesOf<TTile>()));

    private static IEnumerable<CatalogedKernel> Attending<TRow, TRows, TTile>(string tile)
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
        where TTile : struct, IAttentionTile =>
    [
        .. Attending<TRow, TRows, TTile>(nameof(Attention.Kernel), tile),
        .. Attending<TRow, TRows, TTile>(nameof(Attention.TokenKernel), $"Token.{tile}"),
    ];

    private static IEnumerable<CatalogedKernel> Attending<TRow, TRows, TTile>(string method, string tile)
        where TRow : unmanaged
        where TRows : struct, IQueryRows<TRow>
        where TTile : struct, IAttentionTile => ElementTypes.Select(type => new CatalogedKernel(
            $"{nameof(Attention)}.{type.Name}.{tile}{TRows.Count}",
            Find(typeof(Attention), method).MakeGenericMethod(type.Stored, type.Element, typeof(TRow), typeof(TRows), typeof(TTile)),
            AttentionLaunch.MaxLanes));

    private static MethodInfo Find(Type operation, string method) =>
        operation.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
        ?? throw new InvalidOperationException($"{operation.Name} has no kernel {method}");
}
