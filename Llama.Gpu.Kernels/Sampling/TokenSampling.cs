namespace Llama.Gpu.Kernels;

/// <summary>
/// Chooses a token from V logits where they are, in three launches: <see cref="LogitPeak"/>, <see cref="TokenWeights"/>,
/// <see cref="TokenDraw"/>. The options stand on the device, so that the launches are the same for every token and every choice. The token is
/// the one that the host's sampler chooses: weights and sums are the same whole numbers.
/// </summary>
public sealed class TokenSampling
{
    private readonly LogitPeak _peak;
    private readonly TokenWeights _weights;
    private readonly TokenDraw _draw;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public TokenSampling(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _peak = new(accelerator, shapes);
        _weights = new(accelerator, shapes);
        _draw = new(accelerator, shapes);
    }

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(int vocabulary) =>
        LogitPeak.CostOf(vocabulary) + TokenWeights.CostOf(vocabulary) + TokenDraw.CostOf(vocabulary);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="logits">(V).</param>
    /// <param name="scratch">Made for V.</param>
    /// <param name="choice">What <see cref="TokenChoice.Encode"/> gives.</param>
    /// <param name="position">(1) position of the first token of the step before; raised by <paramref name="tokenCount"/>.</param>
    /// <param name="token">(1) the chosen id; 0 where no logit is a finite largest one.</param>
    /// <param name="chosen">(1) the chosen id; -1 where no logit is a finite largest one.</param>
    /// <param name="vocabulary">V.</param>
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
        _peak.Run(stream, logits, scratch, vocabulary);
        _weights.Run(stream, logits, scratch, choice, vocabulary);
        _draw.Run(stream, logits, scratch, choice, position, token, chosen, vocabulary, tokenCount);
    }
}
