namespace Llama.Gpu.Kernels;

/// <summary>
/// Looks up the embedding of each token: <c>output[t, :] = table[tokens[t], :]</c>, widened to f32.
/// tokens (T), table (V, H) stored, output (T, H) f32.
/// A row is contiguous, so a group copies a stretch of one row and reads the token once. Ids are not checked here against V
/// beyond the bounds of the view: the host knows them before it uploads them and checks them there.
/// </summary>
public sealed class EmbeddingGather : ITypedKernel<EmbeddingGather.Launch>
{
    private readonly LaunchShapes _shapes;
    private readonly KernelByType<Launch> _kernels;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public EmbeddingGather(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernels = new(accelerator, this);
    }

    internal delegate void Launch(
        AcceleratorStream stream, KernelConfig config, ArrayView<int> tokens, WeightView table, ArrayView<float> output, int hiddenSize);

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(TensorType type, int tokenCount, int hiddenSize) =>
        new((4L * tokenCount) + ((long)tokenCount * hiddenSize * (type.ElementSize() + 4)), 0);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="tokens">(T) token ids, each below <paramref name="vocabularySize"/>.</param>
    /// <param name="table">(V, H) embeddings.</param>
    /// <param name="output">(T, H) result.</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="vocabularySize">V.</param>
    /// <param name="hiddenSize">H.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<int> tokens,
        WeightView table,
        ArrayView<float> output,
        int tokenCount,
        int vocabularySize,
        int hiddenSize)
    {
        Require.Dimension(tokenCount);
        Require.Dimension(vocabularySize);
        Require.Dimension(hiddenSize);
        Require.Holds(tokens, tokenCount);
        Require.IsShaped(table, vocabularySize, hiddenSize);
        Require.Holds(output, tokenCount, hiddenSize);
        _kernels[table.Type](stream, _shapes.RowsByColumns(tokenCount, hiddenSize), tokens, table, output, hiddenSize);
    }

    Launch ITypedKernel<Launch>.Load<T, TElement>(Accelerator accelerator)
    {
        var kernel = accelerator.LoadKernel<ArrayView<int>, ArrayView<T>, ArrayView<float>, int>(Kernel<T, TElement>);
        return (stream, config, tokens, table, output, hiddenSize) => kernel(stream, config, tokens, table.As<T>(), output, hiddenSize);
    }

    internal static void Kernel<T, TElement>(ArrayView<int> tokens, ArrayView<T> table, ArrayView<float> output, int hiddenSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        int token = Grid.IdxX;
        ArrayView<T> source = table.SubView((long)tokens[token] * hiddenSize, hiddenSize);
        ArrayView<float> target = output.SubView((long)token * hiddenSize, hiddenSize);
        int end = (int)Spread.End(hiddenSize, Grid.IdxY, Grid.DimY);
        int lanes = Group.DimX;
        for (int i = (int)Spread.First(hiddenSize, Grid.IdxY, Grid.DimY) + Group.IdxX; i < end; i += lanes)
        {
            target[i] = TElement.ToFloat(source[i]);
        }
    }
}
