using System.Collections.Immutable;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;

namespace Llama.Gpu.Scheduling;

/// <summary>The matrices that the forward pass takes together.</summary>
public enum WeightStep
{
    /// <summary>Query, key and value projections of a layer.</summary>
    QueryKeyValue,

    /// <summary>The projection behind a layer's attention.</summary>
    AttentionOutput,

    /// <summary>Gate and up projections of a layer.</summary>
    GateUp,

    /// <summary>The projection that ends a layer's MLP.</summary>
    Down,

    /// <summary>The output head.</summary>
    Head,
}

/// <summary>A matrix of a checkpoint, (rows, row length).</summary>
/// <param name="Tensor">Its name.</param>
/// <param name="Type">Element type.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="RowLength">Inputs.</param>
public sealed record StepMatrix(string Tensor, TensorType Type, int Rows, int RowLength)
{
    /// <summary>Bytes of a row.</summary>
    public long RowBytes => (long)RowLength * Type.ElementSize();

    /// <summary>Bytes of all rows.</summary>
    public long Bytes => Rows * RowBytes;
}

/// <summary>One step of the forward pass and its matrices.</summary>
/// <param name="Index">Place among <see cref="ModelLayout.Steps"/>.</param>
/// <param name="Layer">The layer, from 0; -1 for the head.</param>
/// <param name="Step">What it is.</param>
/// <param name="Matrices">In the order in which the decoder takes them.</param>
public sealed record LayoutStep(int Index, int Layer, WeightStep Step, ImmutableArray<StepMatrix> Matrices)
{
    /// <summary>Bytes of all its matrices.</summary>
    public long Bytes => Matrices.Sum(matrix => matrix.Bytes);
}

/// <summary>
/// A model's weights by their use: the steps of the forward pass, each with matrices that may be streamed; norms and biases, which are
/// small and always resident; and the embedding, of which a token needs one row.
/// </summary>
public sealed class ModelLayout
{
    private const int StepsPerLayer = 4;

    private readonly Func<string, TensorType> _typeOf;

    private ModelLayout(LlamaConfig config, Func<string, TensorType> typeOf)
    {
        Config = config;
        _typeOf = typeOf;
        var matrix = (string name, int rows, int rowLength) => new StepMatrix(name, typeOf(name), rows, rowLength);
        var steps = ImmutableArray.CreateBuilder<LayoutStep>((StepsPerLayer * config.LayerCount) + 1);
        var add = (int layer, WeightStep step, ImmutableArray<StepMatrix> matrices) =>
            steps.Add(new LayoutStep(steps.Count, layer, step, matrices));
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            LayerTensorNames names = TensorNames.Layer(layer);
            add(layer, WeightStep.QueryKeyValue, [
                matrix(names.QueryWeight, config.QueryWidth, config.HiddenSize),
                matrix(names.KeyWeight, config.KeyValueWidth, config.HiddenSize),
                matrix(names.ValueWeight, config.KeyValueWidth, config.HiddenSize),
            ]);
            add(layer, WeightStep.AttentionOutput, [matrix(names.OutputWeight, config.HiddenSize, config.QueryWidth)]);
            add(layer, WeightStep.GateUp, [
                matrix(names.GateWeight, config.IntermediateSize, config.HiddenSize),
                matrix(names.UpWeight, config.IntermediateSize, config.HiddenSize),
            ]);
            add(layer, WeightStep.Down, [matrix(names.DownWeight, config.HiddenSize, config.IntermediateSize)]);
        }

        add(-1, WeightStep.Head, [matrix(TensorNames.HeadOf(config), config.VocabularySize, config.HiddenSize)]);
        Steps = steps.DrainToImmutable();
        Embedding = matrix(TensorNames.Embedding, config.VocabularySize, config.HiddenSize);

        var streamable = Steps.SelectMany(step => step.Matrices).Select(found => found.Tensor).Append(TensorNames.Embedding).ToHashSet();
        SmallBytes = TensorNames.Expected(config)
            .Where(tensor => !streamable.Contains(tensor.Name))
            .Sum(tensor => tensor.ElementCount * typeOf(tensor.Name).ElementSize());
    }

    /// <summary>The model.</summary>
    public LlamaConfig Config { get; }

    /// <summary>The steps in the order of the forward pass: four for each layer, then the head.</summary>
    public ImmutableArray<LayoutStep> Steps { get; }

    /// <summary>The embedding; the head's own matrix where the two are tied.</summary>
    public StepMatrix Embedding { get; }

    /// <summary>Type of the keys' weights, which a KV cache has unless another is asked for.</summary>
    public TensorType KeyType => Steps[0].Matrices[1].Type;

    /// <summary>Bytes of norms and biases.</summary>
    public long SmallBytes { get; }

    /// <summary>Bytes that the steps read for a token.</summary>
    public long StepBytes => Steps.Sum(step => step.Bytes);

    /// <summary>Bytes that only a lookup by token needs: the embedding, unless it is the head as well.</summary>
    public long LookupBytes => Config.TieWordEmbeddings ? 0 : Embedding.Bytes;

    /// <summary>Number of a step.</summary>
    public static int IndexOf(int layer, WeightStep step) => (StepsPerLayer * layer) + (int)step;

    /// <summary>The layout of a model whose weights all have one type.</summary>
    public static ModelLayout Of(LlamaConfig config, TensorType type) => Of(config, _ => type);

    /// <summary>The layout of a checkpoint.</summary>
    public static ModelLayout Of(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        return Of(checkpoint.Config, name => checkpoint.Tensors[name].Type);
    }

    /// <summary>Element type of one of the model's tensors.</summary>
    public TensorType TypeOf(string tensor) => _typeOf(tensor);

    private static ModelLayout Of(LlamaConfig config, Func<string, TensorType> typeOf)
    {
        ArgumentNullException.ThrowIfNull(config);
        return new(config, typeOf);
    }
}
