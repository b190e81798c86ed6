using Llama.Gpu.Jit;

namespace Llama.Gpu.Model;

/// <summary>
/// The steps of the forward pass in their order. The decoder and the reference model in the tests share these names, so that a
/// difference can be traced to the step where it begins. T tokens, S positions.
/// </summary>
public enum DecoderStep
{
    /// <summary>(T, hidden): x, the rows of the embedding.</summary>
    Embedding,

    /// <summary>(T, heads, headDim): queries before rotation.</summary>
    Query,

    /// <summary>(T, kvHeads, headDim): values.</summary>
    Value,

    /// <summary>(T, kvHeads, headDim): keys after rotation.</summary>
    RotatedKey,

    /// <summary>(heads, T, S): attention probabilities after the causal softmax.</summary>
    Probabilities,

    /// <summary>(T, heads, headDim): values weighted by the probabilities.</summary>
    Attended,

    /// <summary>(T, hidden): x with the output of attention added.</summary>
    AttentionResidual,

    /// <summary>(T, intermediate): silu(gate) * up.</summary>
    SwiGlu,

    /// <summary>(T, hidden): x with the output of the MLP added.</summary>
    MlpResidual,

    /// <summary>(T, hidden): RMSNorm of x before the output head.</summary>
    FinalNorm,

    /// <summary>(vocabulary): logits after the last token.</summary>
    Logits,
}

/// <summary>Sees the result of each step as it is computed.</summary>
/// <param name="step">The step.</param>
/// <param name="layer">The layer, from 0; -1 for the steps outside the layers.</param>
/// <param name="values">The result on the device, in the shape that <see cref="DecoderStep"/> states; valid during the call.</param>
public delegate void DecoderStepObserver(DecoderStep step, int layer, ArrayView<float> values);
