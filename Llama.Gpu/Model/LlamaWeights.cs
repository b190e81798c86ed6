namespace Llama.Gpu.Model;

/// <summary>A linear map: <c>y = W x + b</c>.</summary>
/// <param name="Weight">(Outputs, Inputs), row-major.</param>
/// <param name="Bias">(Outputs), where the model has one.</param>
/// <param name="Outputs">Length of y.</param>
/// <param name="Inputs">Length of x.</param>
public readonly record struct Projection(WeightView Weight, WeightView? Bias, int Outputs, int Inputs);

/// <summary>The weights of one decoder layer, on the device.</summary>
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

/// <summary>The weights of a model, on the device, in the checkpoint's own types.</summary>
/// <param name="Embedding">(vocabulary, hidden).</param>
/// <param name="Layers">One for each decoder layer.</param>
/// <param name="FinalNorm">(hidden).</param>
/// <param name="Head">(vocabulary, hidden); the embedding itself where the two are tied.</param>
public sealed record LlamaWeights(WeightView Embedding, IReadOnlyList<LayerWeights> Layers, WeightView FinalNorm, WeightView Head);
