namespace Llama.Gpu.Model;

/// <summary>A linear map, <c>y = W x + b</c>, without W, which may be streamed.</summary>
/// <param name="Type">Type of W, (Outputs, Inputs).</param>
/// <param name="Bias">(Outputs), where the model has one; on the device.</param>
/// <param name="Outputs">Length of y.</param>
/// <param name="Inputs">Length of x.</param>
public readonly record struct Projection(TensorType Type, WeightView? Bias, int Outputs, int Inputs);

/// <summary>One decoder layer: its norms and biases, on the device, and the shapes of its projections.</summary>
/// <param name="AttentionNorm">(hidden).</param>
/// <param name="Query">(heads * headDim, hidden).</param>
/// <param name="Key">(kvHeads * headDim, hidden).</param>
/// <param name="Value">(kvHeads * headDim, hidden).</param>
/// <param name="Output">(hidden, heads * headDim).</param>
/// <param name="MlpNorm">(hidden).</param>
/// <param name="Gate">(intermediate, hidden).</param>
/// <param name="Up">(intermediate, hidden).</param>
/// <param name="Down">(hidden, intermediate).</param>
public sealed record LayerWeights(
    WeightView AttentionNorm,
    Projection Query,
    Projection Key,
    Projection Value,
    Projection Output,
    WeightView MlpNorm,
    Projection Gate,
    Projection Up,
    Projection Down);

/// <summary>What of a model's weights is always on the device, in the checkpoint's own types.</summary>
/// <param name="Layers">One for each decoder layer.</param>
/// <param name="FinalNorm">(hidden).</param>
public sealed record LlamaWeights(IReadOnlyList<LayerWeights> Layers, WeightView FinalNorm);
