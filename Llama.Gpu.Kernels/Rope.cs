namespace Llama.Gpu.Kernels;

/// <summary>
/// Rotary position embedding, in place: each pair (i, i + headDim/2) of a head is turned by the angle of its position,
/// <c>(a, b) becomes (a cos - b sin, b cos + a sin)</c>. values (T, heads, headDim) f32; cosines and sines (positions, headDim/2)
/// f32, made by the host in double precision: a GPU's fast sine is wrong for the large angles of long contexts.
/// The halves of a head are the pairs' members, as in Hugging Face checkpoints (Meta's own pair neighbours).
/// </summary>
/// <remarks>Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding (2021).</remarks>
public sealed class Rope
{
    private readonly LaunchShapes _shapes;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, int> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public Rope(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, int>(Kernel);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(int tokenCount, int headCount, int headDim) =>
        new(((long)tokenCount * headCount * headDim * 8) + ((long)tokenCount * headDim * 4), (long)tokenCount * headCount * headDim * 3);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="values">(T, heads, headDim), changed in place.</param>
    /// <param name="cosines">(positions, headDim/2).</param>
    /// <param name="sines">(positions, headDim/2).</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="headCount">Heads.</param>
    /// <param name="headDim">Width of one head; even.</param>
    /// <param name="firstPosition">Position of the first token.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        int tokenCount,
        int headCount,
        int headDim,
        int firstPosition)
    {
        Require.Dimension(tokenCount);
        Require.Dimension(headCount);
        Require.HeadDim(headDim);
        Require.Heads(headCount, headDim);
        Require.Position(firstPosition, tokenCount);
        Require.Holds(values, tokenCount, headCount, headDim);
        Require.Holds(cosines, (long)firstPosition + tokenCount, headDim >> 1);
        Require.Holds(sines, (long)firstPosition + tokenCount, headDim >> 1);
        int pairs = headCount * (headDim >> 1);
        _kernel(stream, _shapes.RowsByColumns(tokenCount, pairs), values, cosines, sines, headCount, headDim >> 1, firstPosition);
    }

    internal static void Kernel(
        ArrayView<float> values, ArrayView<float> cosines, ArrayView<float> sines, int headCount, int half, int firstPosition)
    {
        int token = Grid.IdxX;
        int pairs = headCount * half;
        ArrayView<float> row = values.SubView((long)token * pairs * 2, (long)pairs * 2);
        ArrayView<float> cosine = cosines.SubView((long)(firstPosition + token) * half, half);
        ArrayView<float> sine = sines.SubView((long)(firstPosition + token) * half, half);
        int end = (int)Spread.End(pairs, Grid.IdxY, Grid.DimY);
        int lanes = Group.DimX;
        for (int pair = (int)Spread.First(pairs, Grid.IdxY, Grid.DimY) + Group.IdxX; pair < end; pair += lanes)
        {
            int head = pair / half;
            int i = pair - (head * half);
            int first = (head * half * 2) + i;
            float a = row[first];
            float b = row[first + half];
            row[first] = (a * cosine[i]) - (b * sine[i]);
            row[first + half] = (b * cosine[i]) + (a * sine[i]);
        }
    }
}
