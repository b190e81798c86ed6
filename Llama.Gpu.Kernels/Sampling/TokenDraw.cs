namespace Llama.Gpu.Kernels;

/// <summary>
/// Chooses the token, puts it where the next step reads it, and counts the position on: the last of the three steps of
/// <see cref="TokenSampling"/>, by one group. Nothing is sorted: the border of top-k, and then that of top-p, is looked for first among the
/// classes of <see cref="TokenWeights"/>, then among the tokens of one class, eight bits of <see cref="TokenOrder.Key"/> at a time. The draw
/// narrows the range of ids down by sums of 64 parts at a time.
/// </summary>
public sealed partial class TokenDraw
{
    private readonly LaunchShapes _shapes;
    private readonly Action<
        AcceleratorStream, KernelConfig, ArrayView<float>, SamplingScratch, ArrayView<long>, ArrayView<int>, ArrayView<int>, ArrayView<int>,
        int, int> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public TokenDraw(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<
            ArrayView<float>, SamplingScratch, ArrayView<long>, ArrayView<int>, ArrayView<int>, ArrayView<int>, int, int>(Kernel);
    }

    /// <summary>Bytes and operations of one run: the weights once for the draw.</summary>
    public static Cost CostOf(int vocabulary) => new(12L * vocabulary, vocabulary);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="logits">(V).</param>
    /// <param name="scratch">What the steps before have filled; is left as it is between tokens.</param>
    /// <param name="choice">What <see cref="TokenChoice.Encode"/> gives.</param>
    /// <param name="position">(1) position of the first token of the step before; raised by <paramref name="tokenCount"/>.</param>
    /// <param name="token">(1) the chosen id; 0 where no logit is a finite largest one.</param>
    /// <param name="chosen">(1) the chosen id; -1 where no logit is a finite largest one.</param>
    /// <param name="vocabulary">V, at least 1.</param>
    /// <param name="tokenCount">Tokens of the step before.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or an extent is out of range.</exception>
    public void Run(
        AcceleratorStream stream,
        ArrayView<float> logits,
        in SamplingScratch scratch,
        ArrayView<long> choice,
        ArrayView<int> position,
        ArrayView<int> token,
        ArrayView<int> chosen,
        int vocabulary,
        int tokenCount)
    {
        Require.Dimension(vocabulary);
        Require.Dimension(tokenCount);
        Require.Holds(logits, vocabulary);
        Require.Holds(choice, TokenChoice.Length);
        Require.Holds(position, 1);
        Require.Holds(token, 1);
        Require.Holds(chosen, 1);
        _kernel(stream, _shapes.OneGroup(), logits, scratch, choice, position, token, chosen, vocabulary, tokenCount);
    }
}
