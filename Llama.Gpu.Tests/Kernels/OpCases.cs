using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Reference;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Makes a case of each operation at any shape and type: operands, launch, specification.</summary>
internal static class OpCases
{
    private const float Epsilon = 1e-5f;

    // what stands where a kernel is not to write
    private const float Untouched = 7f;
    private const int MostChecked = 8;

    public static OpCase Gather(int tokens, int vocabulary, int hidden, TensorType type) => new(
        nameof(EmbeddingGather), $"T={tokens} V={vocabulary} H={hidden}", type, EmbeddingGather.CostOf(type, tokens, hidden), data =>
        {
            var ids = data.Tokens(tokens, vocabulary);
            var table = data.Weights(type, (long)vocabulary * hidden);
            var output = data.Output((long)tokens * hidden);
            return new(
                stream => data.Kernels.EmbeddingGather.Run(stream, ids.View, table.View, output, tokens, vocabulary, hidden),
                () => OpData.Read(output),
                () => ReferenceOps.EmbeddingGather(ids.Values, table.Values, hidden));
        });

    public static OpCase Norm(int tokens, int hidden, TensorType type) => new(
        nameof(RmsNorm), $"T={tokens} H={hidden}", type, RmsNorm.CostOf(type, tokens, hidden), data =>
        {
            var input = data.Floats((long)tokens * hidden);
            var weight = data.Weights(type, hidden);
            var output = data.Output((long)tokens * hidden);
            return new(
                stream => data.Kernels.RmsNorm.Run(stream, input.View, weight.View, output, tokens, hidden, Epsilon),
                () => OpData.Read(output),
                () => ReferenceOps.RmsNorm(input.Values, weight.Values, hidden, Epsilon));
        });

    /// <summary>Name of a product of an input that another one has multiplied before.</summary>
    public const string SharedProduct = $"{nameof(MatMul)} of a shared input";

    /// <summary>
    /// A product of which only some rows are held against the specification, where <paramref name="some"/> says so; where
    /// <paramref name="shared"/> does, one of several of an input, which finds the form that the first run has made.
    /// </summary>
    public static OpCase Matrix(int tokens, int outputSize, int inputSize, TensorType type, bool some = false, bool shared = false) => new(
        shared ? SharedProduct : nameof(MatMul), $"T={tokens} N={outputSize} K={inputSize}", type, MatMul.CostOf(type, tokens, outputSize, inputSize), data =>
        {
            var input = data.Floats((long)tokens * inputSize);
            var weight = data.Weights(type, (long)outputSize * inputSize, Math.Sqrt(3.0 / inputSize));
            var output = data.Output((long)tokens * outputSize);
            var scratch = data.Scratch(data.Kernels.MatMul.ScratchBytes(type, tokens, inputSize));
            int[] rows = Checked(tokens, some);
            var first = new ProductInput(input.View, tokens, inputSize, scratch);
            return new(
                stream => data.Kernels.MatMul.Run(
                    stream, shared ? first : new(input.View, tokens, inputSize, scratch), weight.View, output, outputSize),
                () => [.. rows.SelectMany(row => OpData.Read(output.SubView((long)row * outputSize, outputSize)))],
                () => ReferenceOps.MatMul([.. rows.SelectMany(row => Row(input.Values, row, inputSize))], weight.Values, outputSize, inputSize));
        });

    public static OpCase Vector(int outputSize, int inputSize, TensorType type) => new(
        nameof(MatVec), $"N={outputSize} K={inputSize}", type, MatVec.CostOf(type, outputSize, inputSize), data =>
        {
            var input = data.Floats(inputSize);
            var weight = data.Weights(type, (long)outputSize * inputSize, Math.Sqrt(3.0 / inputSize));
            var output = data.Output(outputSize);
            return new(
                stream => data.Kernels.MatVec.Run(stream, input.View, weight.View, output, outputSize, inputSize),
                () => OpData.Read(output),
                () => ReferenceOps.MatMul(input.Values, weight.Values, outputSize, inputSize));
        });

    public static OpCase VectorAdded(int outputSize, int inputSize, TensorType type) => new(
        $"{nameof(MatVec)} added", $"N={outputSize} K={inputSize}", type, MatVec.CostOf(type, outputSize, inputSize), data =>
        {
            var input = data.Floats(inputSize);
            var weight = data.Weights(type, (long)outputSize * inputSize, Math.Sqrt(3.0 / inputSize));
            var output = data.Floats(outputSize);
            return new(
                stream => data.Kernels.MatVec.RunAdd(stream, input.View, weight.View, output.View, outputSize, inputSize),
                () => OpData.Read(output.View),
                () => ReferenceOps.ResidualAdd(output.Values, ReferenceOps.MatMul(input.Values, weight.Values, outputSize, inputSize)));
        });

    public static OpCase Qkv(int queryWidth, int keyValueWidth, int inputSize, TensorType type) => new(
        nameof(QkvProjection),
        $"Nq={queryWidth} Nkv={keyValueWidth} K={inputSize}",
        type,
        QkvProjection.CostOf(type, queryWidth, keyValueWidth, inputSize),
        data =>
        {
            double spread = Math.Sqrt(3.0 / inputSize);
            var input = data.Floats(inputSize);
            var gain = data.Weights(type, inputSize);
            var query = data.Weights(type, (long)queryWidth * inputSize, spread);
            var key = data.Weights(type, (long)keyValueWidth * inputSize, spread);
            var value = data.Weights(type, (long)keyValueWidth * inputSize, spread);
            var output = data.Output(queryWidth + (2L * keyValueWidth));
            return new(
                stream => data.Kernels.QkvProjection.Run(
                    stream,
                    input.View,
                    gain.View,
                    query.View,
                    key.View,
                    value.View,
                    output.SubView(0, queryWidth),
                    output.SubView(queryWidth, keyValueWidth),
                    output.SubView(queryWidth + keyValueWidth, keyValueWidth),
                    queryWidth,
                    keyValueWidth,
                    inputSize,
                    Epsilon),
                () => OpData.Read(output),
                () =>
                {
                    double[] normed = ReferenceOps.RmsNorm(input.Values, gain.Values, inputSize, Epsilon);
                    return
                    [
                        .. ReferenceOps.MatMul(normed, query.Values, queryWidth, inputSize),
                        .. ReferenceOps.MatMul(normed, key.Values, keyValueWidth, inputSize),
                        .. ReferenceOps.MatMul(normed, value.Values, keyValueWidth, inputSize),
                    ];
                });
        });

    /// <summary>Queries, and the row of each cache at the position; the caches have room for two positions more.</summary>
    public static OpCase QkvAppended(int heads, int keyValueHeads, int headDim, int inputSize, int position, TensorType type)
    {
        var shape = new AttentionShape(1, position + 2, heads, keyValueHeads, headDim);
        int queryWidth = shape.QueryWidth;
        int width = shape.KeyValueWidth;
        Cost cost = QkvAppend.CostOf(type, queryWidth, width, headDim, inputSize);
        return new(nameof(QkvAppend), $"heads={heads}/{keyValueHeads}x{headDim} K={inputSize} p={position}", type, cost, data =>
        {
            double spread = Math.Sqrt(3.0 / inputSize);
            var input = data.Floats(inputSize);
            var gain = data.Weights(type, inputSize);
            var query = data.Weights(type, (long)queryWidth * inputSize, spread);
            var key = data.Weights(type, (long)width * inputSize, spread);
            var value = data.Weights(type, (long)width * inputSize, spread);
            var output = data.Output(queryWidth);
            var keyCache = data.Weights(type, (long)shape.PositionCount * width);
            var valueCache = data.Weights(type, (long)shape.PositionCount * width);
            var tables = ReferenceOps.RopeTables(shape.PositionCount, headDim);
            var cosines = data.Floats(tables.Cosines);
            var sines = data.Floats(tables.Sines);
            var place = data.Upload(new[] { position });
            return new(
                stream => data.Kernels.QkvAppend.Run(
                    stream,
                    input.View,
                    gain.View,
                    query.View,
                    key.View,
                    value.View,
                    output,
                    keyCache.View,
                    valueCache.View,
                    cosines.View,
                    sines.View,
                    place,
                    shape,
                    inputSize,
                    Epsilon),
                () => [.. OpData.Read(output), .. OpData.Read(keyCache.View), .. OpData.Read(valueCache.View)],
                () =>
                {
                    double[] normed = ReferenceOps.RmsNorm(input.Values, gain.Values, inputSize, Epsilon);
                    double[] keys = ReferenceOps.MatMul(normed, key.Values, width, inputSize);
                    double[] rotated = ReferenceOps.Rope(keys, cosines.Values, sines.Values, keyValueHeads, headDim, position);
                    double[] values = ReferenceOps.MatMul(normed, value.Values, width, inputSize);
                    double[] expectedKeys = [.. keyCache.Values];
                    double[] expectedValues = [.. valueCache.Values];
                    rotated.Select(number => ReferenceOps.Round(number, type)).ToArray().CopyTo(expectedKeys, position * width);
                    values.Select(number => ReferenceOps.Round(number, type)).ToArray().CopyTo(expectedValues, position * width);
                    return [.. ReferenceOps.MatMul(normed, query.Values, queryWidth, inputSize), .. expectedKeys, .. expectedValues];
                });
        });
    }

    public static OpCase GateUp(int outputSize, int inputSize, TensorType type) => new(
        nameof(GateUpProjection), $"N={outputSize} K={inputSize}", type, GateUpProjection.CostOf(type, outputSize, inputSize), data =>
        {
            double spread = Math.Sqrt(3.0 / inputSize);
            var input = data.Floats(inputSize);
            var gain = data.Weights(type, inputSize);
            var gate = data.Weights(type, (long)outputSize * inputSize, spread);
            var up = data.Weights(type, (long)outputSize * inputSize, spread);
            var output = data.Output(outputSize);
            return new(
                stream => data.Kernels.GateUpProjection.Run(
                    stream, input.View, gain.View, gate.View, up.View, output, outputSize, inputSize, Epsilon),
                () => OpData.Read(output),
                () =>
                {
                    double[] normed = ReferenceOps.RmsNorm(input.Values, gain.Values, inputSize, Epsilon);
                    return ReferenceOps.SwiGlu(
                        ReferenceOps.MatMul(normed, gate.Values, outputSize, inputSize),
                        ReferenceOps.MatMul(normed, up.Values, outputSize, inputSize));
                });
        });

    public static OpCase Head(int rows, int vocabulary, int hidden, TensorType type) => new(
        nameof(OutputHead), $"R={rows} V={vocabulary} H={hidden}", type, OutputHead.CostOf(type, rows, vocabulary, hidden), data =>
        {
            var input = data.Floats((long)rows * hidden);
            var weight = data.Weights(type, (long)vocabulary * hidden, Math.Sqrt(3.0 / hidden));
            var logits = data.Output((long)rows * vocabulary);
            var scratch = data.Scratch(data.Kernels.OutputHead.ScratchBytes(type, rows, hidden));
            return new(
                stream => data.Kernels.OutputHead.Run(stream, input.View, weight.View, logits, rows, vocabulary, hidden, scratch),
                () => OpData.Read(logits),
                () => ReferenceOps.MatMul(input.Values, weight.Values, vocabulary, hidden));
        });

    public static OpCase Bias(int tokens, int columns, TensorType type) => new(
        nameof(BiasAdd), $"T={tokens} N={columns}", type, BiasAdd.CostOf(type, tokens, columns), data =>
        {
            var values = data.Floats((long)tokens * columns);
            var bias = data.Weights(type, columns);
            return new(
                stream => data.Kernels.BiasAdd.Run(stream, values.View, bias.View, tokens, columns),
                () => OpData.Read(values.View),
                () => ReferenceOps.BiasAdd(values.Values, bias.Values));
        });

    public static OpCase Residual(int tokens, int hidden) => new(
        nameof(ResidualAdd), $"T={tokens} H={hidden}", TensorType.Float32, ResidualAdd.CostOf(tokens, hidden), data =>
        {
            var residual = data.Floats((long)tokens * hidden);
            var addend = data.Floats((long)tokens * hidden);
            return new(
                stream => data.Kernels.ResidualAdd.Run(stream, residual.View, addend.View, tokens, hidden),
                () => OpData.Read(residual.View),
                () => ReferenceOps.ResidualAdd(residual.Values, addend.Values));
        });

    public static OpCase Gate(int tokens, int intermediate) => new(
        nameof(SwiGlu), $"T={tokens} I={intermediate}", TensorType.Float32, SwiGlu.CostOf(tokens, intermediate), data =>
        {
            var gate = data.Floats((long)tokens * intermediate, scale: 12);
            var up = data.Floats((long)tokens * intermediate);
            var output = data.Output((long)tokens * intermediate);
            return new(
                stream => data.Kernels.SwiGlu.Run(stream, gate.View, up.View, output, tokens, intermediate),
                () => OpData.Read(output),
                () => ReferenceOps.SwiGlu(gate.Values, up.Values));
        });

    public static OpCase Rotation(int tokens, int heads, int headDim, int firstPosition) => new(
        nameof(Rope), $"T={tokens} heads={heads}x{headDim} p={firstPosition}", TensorType.Float32, Rope.CostOf(tokens, heads, headDim), data =>
        {
            var values = data.Floats((long)tokens * heads * headDim);
            var tables = ReferenceOps.RopeTables(firstPosition + tokens, headDim);
            var cosines = data.Floats(tables.Cosines);
            var sines = data.Floats(tables.Sines);
            return new(
                stream => data.Kernels.Rope.Run(stream, values.View, cosines.View, sines.View, tokens, heads, headDim, firstPosition),
                () => OpData.Read(values.View),
                () => ReferenceOps.Rope(values.Values, cosines.Values, sines.Values, heads, headDim, firstPosition));
        });

    public static OpCase CacheAppend(int tokens, int heads, int headDim, int firstPosition, TensorType type)
    {
        var shape = new AttentionShape(tokens, firstPosition, heads, heads, headDim);
        return new(nameof(KeyValueCacheAppend), Describe(shape), type, KeyValueCacheAppend.CostOf(type, shape), data =>
        {
            long width = shape.KeyValueWidth;
            var keys = data.Floats(tokens * width);
            var values = data.Floats(tokens * width, scale: 100);
            var tables = ReferenceOps.RopeTables(shape.PositionCount, headDim);
            var cosines = data.Floats(tables.Cosines);
            var sines = data.Floats(tables.Sines);
            var keyCache = data.Weights(type, (shape.PositionCount + 2) * width);
            var valueCache = data.Weights(type, (shape.PositionCount + 2) * width);
            return new(
                stream => data.Kernels.KeyValueCacheAppend.Run(
                    stream, keys.View, values.View, cosines.View, sines.View, keyCache.View, valueCache.View, shape),
                () => [.. OpData.Read(keyCache.View), .. OpData.Read(valueCache.View)],
                () =>
                {
                    double[] rotated = ReferenceOps.Rope(keys.Values, cosines.Values, sines.Values, heads, headDim, firstPosition);
                    double[] expectedKeys = [.. keyCache.Values];
                    double[] expectedValues = [.. valueCache.Values];
                    rotated.Select(value => ReferenceOps.Round(value, type)).ToArray().CopyTo(expectedKeys, firstPosition * width);
                    values.Values.Select(value => ReferenceOps.Round(value, type)).ToArray().CopyTo(expectedValues, firstPosition * width);
                    return [.. expectedKeys, .. expectedValues];
                });
        });
    }

    public static OpCase Scores(AttentionShape shape, TensorType type) => new(
        nameof(RopeScores), Describe(shape), type, RopeScores.CostOf(type, shape), data =>
        {
            var queries = data.Floats((long)shape.TokenCount * shape.QueryWidth);
            var keys = data.Weights(type, (long)(shape.PositionCount + 1) * shape.KeyValueWidth);
            var tables = ReferenceOps.RopeTables(shape.PositionCount, shape.HeadDim);
            var cosines = data.Floats(tables.Cosines);
            var sines = data.Floats(tables.Sines);
            var scores = data.Output((long)shape.HeadCount * shape.TokenCount * shape.PositionCount, Untouched);
            float scale = 1f / MathF.Sqrt(shape.HeadDim);
            return new(
                stream => data.Kernels.RopeScores.Run(stream, queries.View, keys.View, cosines.View, sines.View, scores, shape, scale),
                () => OpData.Read(scores),
                () =>
                {
                    double[] rotated = ReferenceOps.Rope(
                        queries.Values, cosines.Values, sines.Values, shape.HeadCount, shape.HeadDim, shape.FirstPosition);
                    return ReferenceOps.Scores(rotated, keys.Values, shape, scale, Untouched);
                });
        });

    public static OpCase Softmax(AttentionShape shape) => new(
        nameof(CausalSoftmax), Describe(shape), TensorType.Float32, CausalSoftmax.CostOf(shape), data =>
        {
            var scores = data.Floats((long)shape.HeadCount * shape.TokenCount * shape.PositionCount, scale: 8);
            return new(
                stream => data.Kernels.CausalSoftmax.Run(stream, scores.View, shape),
                () => OpData.Read(scores.View),
                () => ReferenceOps.CausalSoftmax(scores.Values, shape));
        });

    public static OpCase WeightedSum(AttentionShape shape, TensorType type) => new(
        nameof(AttentionWeightedSum), Describe(shape), type, AttentionWeightedSum.CostOf(type, shape), data =>
        {
            // as far from each other as probabilities can be while their sum stays of magnitude 1
            var probabilities = data.Floats(
                (long)shape.HeadCount * shape.TokenCount * shape.PositionCount, scale: Math.Sqrt(3.0 / shape.PositionCount));
            var values = data.Weights(type, (long)(shape.PositionCount + 1) * shape.KeyValueWidth);
            var output = data.Output((long)shape.TokenCount * shape.QueryWidth);
            return new(
                stream => data.Kernels.AttentionWeightedSum.Run(stream, probabilities.View, values.View, output, shape),
                () => OpData.Read(output),
                () => ReferenceOps.AttentionWeightedSum(probabilities.Values, values.Values, shape));
        });

    /// <summary>
    /// Scores spread over about <paramref name="spread"/> either way, so that the maximum rises from block to block. The scratch memory
    /// has room for <paramref name="parts"/> parts of the keys, or for as many as the accelerator has use for in decoding. Only some tokens
    /// are held against the specification, where <paramref name="some"/> says so.
    /// </summary>
    public static OpCase Attend(AttentionShape shape, TensorType type, double spread = 4, int? parts = null, bool some = false) => new(
        nameof(Attention), Describe(shape), type, Attention.CostOf(type, shape), data =>
        {
            var queries = data.Floats((long)shape.TokenCount * shape.QueryWidth, spread * 3);
            var keys = data.Weights(type, (long)(shape.PositionCount + 1) * shape.KeyValueWidth);
            var values = data.Weights(type, (long)(shape.PositionCount + 1) * shape.KeyValueWidth);
            var tables = ReferenceOps.RopeTables(shape.PositionCount, shape.HeadDim);
            var cosines = data.Floats(tables.Cosines);
            var sines = data.Floats(tables.Sines);
            var output = data.Output((long)shape.TokenCount * shape.QueryWidth);
            var scratch = data.Output(
                parts * (long)shape.TokenCount * shape.HeadCount * (shape.HeadDim + 2)
                    ?? data.Kernels.Attention.PartLength(shape.HeadCount, shape.KeyValueHeadCount, shape.HeadDim));
            float scale = 1f / MathF.Sqrt(shape.HeadDim);
            return new(
                stream => data.Kernels.Attention.Run(
                    stream, new(queries.View, keys.View, values.View, cosines.View, sines.View, output, shape, scale), scratch),
                () => [.. Checked(shape.TokenCount, some).SelectMany(t => OpData.Read(output.SubView((long)t * shape.QueryWidth, shape.QueryWidth)))],
                () =>
                [
                    .. Checked(shape.TokenCount, some).SelectMany(t =>
                    {
                        AttentionShape one = shape with { TokenCount = 1, FirstPosition = shape.FirstPosition + t };
                        double[] rotated = ReferenceOps.Rope(
                            Row(queries.Values, t, shape.QueryWidth), cosines.Values, sines.Values, one.HeadCount, one.HeadDim, one.FirstPosition);
                        double[] scores = ReferenceOps.Scores(rotated, keys.Values, one, scale, masked: 0);
                        return ReferenceOps.AttentionWeightedSum(ReferenceOps.CausalSoftmax(scores, one), values.Values, one);
                    }),
                ]);
        });

    /// <summary>The same for one token at a position that the device knows, in a cache with room for further ones.</summary>
    public static OpCase AttendToken(AttentionShape shape, TensorType type, int? parts = null) => new(
        $"{nameof(Attention)} of a token", Describe(shape), type, Attention.CostOf(type, shape), data =>
        {
            AttentionShape last = shape with { FirstPosition = shape.FirstPosition + 300 };
            var queries = data.Floats(shape.QueryWidth, 12);
            var keys = data.Weights(type, (long)last.PositionCount * shape.KeyValueWidth);
            var values = data.Weights(type, (long)last.PositionCount * shape.KeyValueWidth);
            var tables = ReferenceOps.RopeTables(last.PositionCount, shape.HeadDim);
            var cosines = data.Floats(tables.Cosines);
            var sines = data.Floats(tables.Sines);
            var output = data.Output(shape.QueryWidth);
            var scratch = data.Output(
                parts * (long)shape.HeadCount * (shape.HeadDim + 2)
                    ?? data.Kernels.Attention.PartLength(shape.HeadCount, shape.KeyValueHeadCount, shape.HeadDim));
            var arrivals = data.Upload(new int[shape.HeadCount]);
            var place = data.Upload(new[] { shape.FirstPosition });
            float scale = 1f / MathF.Sqrt(shape.HeadDim);
            return new(
                stream => data.Kernels.Attention.RunToken(
                    stream, new(queries.View, keys.View, values.View, cosines.View, sines.View, output, last, scale), scratch, arrivals, place),
                () => [.. OpData.Read(output), .. arrivals.GetAsArray().Select(count => (double)count)],
                () =>
                {
                    double[] rotated = ReferenceOps.Rope(
                        queries.Values, cosines.Values, sines.Values, shape.HeadCount, shape.HeadDim, shape.FirstPosition);
                    double[] scores = ReferenceOps.Scores(rotated, keys.Values, shape, scale, masked: 0);
                    double[] attended = ReferenceOps.AttentionWeightedSum(ReferenceOps.CausalSoftmax(scores, shape), values.Values, shape);
                    return [.. attended, .. new double[shape.HeadCount]];
                });
        });

    public static OpCase Largest(int count) => new(
        nameof(ArgMax), $"n={count}", TensorType.Float32, ArgMax.CostOf(count), data =>
        {
            var values = data.Floats(count);
            var result = data.Upload(new[] { -1 });
            return new(
                stream => data.Kernels.ArgMax.Run(stream, values.View, result, count),
                () => [result.GetAsArray()[0]],
                () => [ReferenceOps.ArgMax(values.Values)]);
        });

    // the ends and a few rows between them, in different tiles; or all
    private static int[] Checked(int rows, bool some) =>
        some && rows > MostChecked ? [0, 1, (rows / 3) + 1, (2 * rows / 3) + 2, rows - 1] : [.. Enumerable.Range(0, rows)];

    private static double[] Row(double[] values, int row, int width) => values[(row * width)..((row + 1) * width)];

    private static string Describe(AttentionShape shape) =>
        $"T={shape.TokenCount} p={shape.FirstPosition} heads={shape.HeadCount}/{shape.KeyValueHeadCount}x{shape.HeadDim}";
}
