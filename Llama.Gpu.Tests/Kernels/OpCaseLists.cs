using Llama.Gpu.Kernels;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>The shapes that operations are checked at.</summary>
internal static class OpCaseLists
{
    private static readonly int[] Lengths = [1, 2, 3, 17, 31, 33, 127, 1000];
    private static readonly int[] HeadDims = [8, 64, 128];
    private static readonly int[] GroupSizes = [1, 4, 8];
    private static readonly TensorType[] Types = [TensorType.Float32, TensorType.Float16, TensorType.BFloat16];

    // (N, K): one long and one short, or both odd, so that all tokens with all of them stay quick
    private static readonly (int N, int K)[] Matrices =
        [(1, 1000), (2, 127), (3, 33), (17, 31), (31, 17), (33, 3), (127, 2), (1000, 1), (64, 128), (127, 33), (33, 1000)];

    // (T, first position): one token of a long and of an empty cache, chunks with and without a cache before them
    private static readonly (int T, int P)[] Steps = [(1, 0), (2, 0), (3, 14), (17, 16), (31, 2), (33, 94), (127, 0), (1, 999)];

    /// <summary>Every operation at every length, head dim, group and type: for accelerators on which that is quick.</summary>
    public static IEnumerable<OpCase> Full() =>
    [
        .. from type in Types from t in Lengths from h in (int[])[1, 17, 64, 1000] select OpCases.Gather(t, 131, h, type),
        .. from type in Types from t in (int[])[1, 3, 33] from h in Lengths select OpCases.Norm(t, h, type),
        .. from type in Types from t in Lengths from m in Matrices select OpCases.Matrix(t, m.N, m.K, type),
        .. from type in Types from t in Lengths select OpCases.Matrix(t, 33, 31, type, shared: true),
        .. from type in Types from n in Lengths from k in Lengths select OpCases.Vector(n, k, type),
        .. from type in Types from n in Lengths from k in (int[])[3, 127] select OpCases.VectorAdded(n, k, type),
        .. from type in Types from n in (int[])[1, 33, 127] from m in Matrices select OpCases.Qkv(n, m.N, m.K, type),
        .. from type in Types
           from heads in ((int Count, int Groups, int Dim)[])[(1, 1, 2), (2, 2, 8), (6, 3, 10), (4, 1, 64), (3, 3, 66)]
           from k in (int[])[1, 31, 1000]
           select OpCases.QkvAppended(heads.Count, heads.Groups, heads.Dim, k, 5, type),
        .. from type in Types from n in Lengths from k in (int[])[1, 31, 1000] select OpCases.GateUp(n, k, type),
        .. from type in Types from r in (int[])[1, 2, 3, 4, 5, 16, 17, 33] from m in Matrices select OpCases.Head(r, m.N, m.K, type),
        .. from type in Types from t in (int[])[1, 3, 33] from n in Lengths select OpCases.Bias(t, n, type),
        .. from t in Lengths from h in Lengths where t * h < 200_000 select OpCases.Residual(t, h),
        .. from t in Lengths from i in Lengths where t * i < 200_000 select OpCases.Gate(t, i),
        .. from t in Lengths from d in HeadDims from heads in GroupSizes from p in (int[])[0, 33] select OpCases.Rotation(t, heads, d, p),
        .. from type in Types
           from t in Lengths
           from heads in ((int Count, int Dim)[])[(1, 8), (2, 64), (3, 10)]
           from p in (int[])[0, 33]
           select OpCases.CacheAppend(t, heads.Count, heads.Dim, p, type),
        .. from type in Types from shape in Attention() select OpCases.Scores(shape, type),
        .. from shape in Attention() select OpCases.Softmax(shape),
        .. from type in Types from shape in Attention() select OpCases.WeightedSum(shape, type),
        .. from type in Types from shape in OnePass() select OpCases.Attend(shape, type),
        .. from type in Types from shape in OddHeads() select OpCases.Attend(shape, type),
        .. from type in Types from shape in OnePass() where shape.TokenCount == 1 select OpCases.AttendToken(shape, type),
        .. from type in Types from parts in (int[])[0, 1, 2, 5] select OpCases.AttendToken(new(1, 700, 6, 2, 64), type, parts),
        .. from type in Types select OpCases.Attend(new(1000, 0, 1, 1, 8), type),
        .. from type in Types from parts in (int[])[0, 1, 2, 5] select OpCases.Attend(new(2, 700, 6, 2, 64), type, parts: parts),
        .. from n in (int[])[.. Lengths, 32000] select OpCases.Largest(n),
        .. from type in Types
           from c in ((int, int, int)[])[(1, 1, 1), (2, 8, 64), (3, 17, 33), (1, 33, 17), (2, 64, 100)]
           from columns in (bool[])[false, true]
           select OpSpectralCases.Triangles(c.Item1, c.Item2, c.Item3, columns, type),
        .. from n in (int[])[1, 2, 17, 64] select OpSpectralCases.Products(4, 2, n),
        .. from n in (int[])[1, 2, 3, 16, 31, 33, 64] select OpSpectralCases.Values(2, n),
    ];

    /// <summary>One or more cases of every operation, for groups of any size: also such as leave a part of a warp.</summary>
    public static IEnumerable<OpCase> OfAnyGroup() =>
    [
        OpCases.Gather(3, 5, 33, TensorType.BFloat16),
        OpCases.Norm(2, 127, TensorType.Float16),
        OpCases.Matrix(5, 33, 35, TensorType.BFloat16),
        OpCases.Matrix(11, 33, 35, TensorType.BFloat16),
        OpCases.Vector(17, 31, TensorType.BFloat16),
        OpCases.Vector(33, 1000, TensorType.Float16),
        OpCases.VectorAdded(17, 31, TensorType.Float32),
        OpCases.Qkv(33, 17, 127, TensorType.BFloat16),
        OpCases.QkvAppended(4, 2, 10, 127, 3, TensorType.BFloat16),
        OpCases.GateUp(33, 127, TensorType.BFloat16),
        OpCases.Head(5, 17, 31, TensorType.Float32),
        OpCases.Bias(2, 33, TensorType.Float16),
        OpCases.Residual(3, 33),
        OpCases.Gate(3, 33),
        OpCases.Rotation(2, 3, 8, 5),
        OpCases.CacheAppend(3, 3, 8, 2, TensorType.BFloat16),
        OpCases.Scores(new(2, 31, 4, 2, 8), TensorType.BFloat16),
        OpCases.Softmax(new(2, 31, 4, 2, 8)),
        OpCases.WeightedSum(new(2, 31, 4, 2, 8), TensorType.BFloat16),
        OpCases.WeightedSum(new(1, 3, 1, 1, 128), TensorType.Float32),
        OpCases.Attend(new(2, 31, 4, 2, 8), TensorType.BFloat16),
        OpCases.Attend(new(1, 299, 3, 1, 128), TensorType.Float16),
        OpCases.Attend(new(3, 150, 3, 1, 16), TensorType.Float32, parts: 2),
        OpCases.AttendToken(new(1, 150, 6, 2, 16), TensorType.Float32, parts: 0),
        OpCases.Attend(new(3, 0, 1, 1, 6), TensorType.Float32),
        OpCases.Largest(127),
        OpSpectralCases.Triangles(2, 9, 35, columns: false, TensorType.BFloat16),
        OpSpectralCases.Triangles(2, 17, 5, columns: true, TensorType.Float32),
        OpSpectralCases.Products(4, 2, 9),
        OpSpectralCases.Values(2, 9),
    ];

    /// <summary>
    /// Every operation and type at shapes that cross the borders of warps, groups, tiles and blocks: for accelerators that switch
    /// lanes at every barrier and shuffle, which is slow.
    /// </summary>
    public static IEnumerable<OpCase> Borders() =>
    [
        .. from type in Types from c in ((int, int)[])[(1, 1), (3, 33), (2, 1000)] select OpCases.Gather(c.Item1, 5, c.Item2, type),
        .. from type in Types from c in ((int, int)[])[(1, 1), (3, 33), (2, 127), (1, 1000)] select OpCases.Norm(c.Item1, c.Item2, type),
        .. from type in Types
           from c in ((int, int, int)[])[(1, 1, 1), (2, 3, 1000), (33, 31, 17), (17, 127, 33), (31, 33, 16), (1, 127, 3)]
           select OpCases.Matrix(c.Item1, c.Item2, c.Item3, type),
        .. from type in Types from c in ((int, int)[])[(1, 1), (3, 1000), (33, 31), (17, 127)] select OpCases.Vector(c.Item1, c.Item2, type),
        .. from type in Types from c in ((int, int)[])[(1, 1), (3, 1000), (33, 31)] select OpCases.VectorAdded(c.Item1, c.Item2, type),
        .. from type in Types from c in ((int, int, int)[])[(1, 1, 1), (3, 2, 1000), (33, 17, 31)] select OpCases.Qkv(c.Item1, c.Item2, c.Item3, type),
        .. from type in Types
           from c in ((int, int, int, int)[])[(1, 1, 2, 1), (6, 3, 10, 33)]
           select OpCases.QkvAppended(c.Item1, c.Item2, c.Item3, c.Item4, 1, type),
        .. from type in Types from c in ((int, int)[])[(1, 1), (3, 1000), (33, 31)] select OpCases.GateUp(c.Item1, c.Item2, type),
        .. from type in Types
           from c in ((int, int, int)[])[(1, 5, 33), (3, 3, 127), (5, 9, 31), (17, 33, 17)]
           select OpCases.Head(c.Item1, c.Item2, c.Item3, type),
        .. from type in Types from c in ((int, int)[])[(1, 1), (3, 33), (2, 1000)] select OpCases.Bias(c.Item1, c.Item2, type),
        .. from c in ((int, int)[])[(1, 1), (3, 127), (2, 1000)] select OpCases.Residual(c.Item1, c.Item2),
        .. from c in ((int, int)[])[(1, 1), (3, 127), (2, 1000)] select OpCases.Gate(c.Item1, c.Item2),
        .. from d in HeadDims from c in ((int, int)[])[(1, 1), (3, 8)] select OpCases.Rotation(c.Item1, c.Item2, d, 17),
        .. from type in Types from c in ((int, int, int)[])[(1, 1, 8), (3, 2, 66), (17, 1, 64)] select OpCases.CacheAppend(c.Item1, c.Item2, c.Item3, 3, type),
        .. from type in Types from shape in FewQueries() select OpCases.Scores(shape, type),
        .. from shape in FewQueries() select OpCases.Softmax(shape),
        .. from type in Types from shape in FewQueries() select OpCases.WeightedSum(shape, type),
        .. from type in Types from shape in FewQueries() select OpCases.Attend(shape, type),
        .. from shape in OddHeads() select OpCases.Attend(shape, TensorType.BFloat16),
        OpCases.Attend(new(3, 300, 3, 1, 24), TensorType.Float16, parts: 3),

        // in one part: the sanitizer knows no order among groups
        .. from shape in FewQueries() where shape.TokenCount == 1 select OpCases.AttendToken(shape, TensorType.BFloat16, parts: 0),
        .. from n in Lengths select OpCases.Largest(n),
        .. from type in Types from c in ((int, int, int)[])[(2, 8, 33), (1, 17, 18)] select OpSpectralCases.Triangles(c.Item1, c.Item2, c.Item3, c.Item2 > 8, type),
        .. from n in (int[])[1, 17] select OpSpectralCases.Products(2, 1, n),
        .. from n in (int[])[1, 2, 7, 18] select OpSpectralCases.Values(2, n),
    ];

    private static IEnumerable<AttentionShape> Attention() =>
        from d in HeadDims from g in GroupSizes from step in Steps select new AttentionShape(step.T, step.P, g * 2, 2, d);

    // decoding at every number of positions, prefill of every number of tokens with and without a cache before them
    private static IEnumerable<AttentionShape> OnePass() =>
        from d in HeadDims
        from g in GroupSizes
        from step in (IEnumerable<(int T, int P)>)[.. Lengths.Select(length => (1, length - 1)), .. Steps]
        select new AttentionShape(step.T, step.P, g * 2, 2, d);

    // heads of widths that are no power of two, no multiple of eight, the smallest and the largest
    private static IEnumerable<AttentionShape> OddHeads() =>
        from d in (int[])[2, 6, 20, 80, 96, 256] select new AttentionShape(3, 129, 6, 2, d);

    private static IEnumerable<AttentionShape> FewQueries() =>
    [
        new(1, 0, 1, 1, 8), new(3, 14, 4, 1, 8), new(2, 31, 8, 2, 64), new(5, 0, 2, 2, 64), new(2, 125, 8, 1, 128), new(1, 999, 2, 2, 8),
    ];
}
