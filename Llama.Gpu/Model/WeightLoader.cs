using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Model;

/// <summary>Brings a checkpoint's tensors onto a device, piece by piece from the mapped file; owns the device memory.</summary>
internal sealed class WeightLoader(Checkpoint checkpoint, Accelerator accelerator) : IDisposable
{
    private const int PieceBytes = 64 << 20;

    private readonly List<MemoryBuffer1D<byte, Stride1D.Dense>> _buffers = [];

    /// <summary>Loads every weight.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; what was loaded is freed by <see cref="Dispose"/>.</exception>
    public LlamaWeights Load(IProgress<long>? progress, CancellationToken cancellationToken)
    {
        LlamaConfig config = checkpoint.Config;
        var load = (string name) => Load(name, progress, cancellationToken);
        var project = (string weight, string bias, bool biased, int outputs, int inputs) =>
            new Projection(load(weight), biased ? load(bias) : null, outputs, inputs);

        WeightView embedding = load(TensorNames.Embedding);
        var layers = new LayerWeights[config.LayerCount];
        for (int i = 0; i < layers.Length; i++)
        {
            LayerTensorNames names = TensorNames.Layer(i);
            layers[i] = new LayerWeights(
                AttentionNorm: load(names.AttentionNorm),
                Query: project(names.QueryWeight, names.QueryBias, config.AttentionBias, config.QueryWidth, config.HiddenSize),
                Key: project(names.KeyWeight, names.KeyBias, config.AttentionBias, config.KeyValueWidth, config.HiddenSize),
                Value: project(names.ValueWeight, names.ValueBias, config.AttentionBias, config.KeyValueWidth, config.HiddenSize),
                Output: project(names.OutputWeight, names.OutputBias, config.AttentionBias, config.HiddenSize, config.QueryWidth),
                MlpNorm: load(names.MlpNorm),
                Gate: project(names.GateWeight, names.GateBias, config.MlpBias, config.IntermediateSize, config.HiddenSize),
                Up: project(names.UpWeight, names.UpBias, config.MlpBias, config.IntermediateSize, config.HiddenSize),
                Down: project(names.DownWeight, names.DownBias, config.MlpBias, config.HiddenSize, config.IntermediateSize));
        }

        WeightView finalNorm = load(TensorNames.FinalNorm);
        WeightView head = config.TieWordEmbeddings ? embedding : load(TensorNames.OutputHead);
        return new LlamaWeights(embedding, layers, finalNorm, head);
    }

    public void Dispose() => _buffers.ForEach(buffer => buffer.Dispose());

    private WeightView Load(string name, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        TensorInfo tensor = checkpoint.Tensors[name];
        var buffer = accelerator.Allocate1D<byte>(tensor.ByteLength);
        _buffers.Add(buffer);
        ArrayView<byte> target = buffer.View;
        for (long offset = 0; offset < tensor.ByteLength; offset += PieceBytes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = (int)Math.Min(PieceBytes, tensor.ByteLength - offset);
            target.SubView(offset, count).CopyFromCPU(null, checkpoint.Read(tensor, offset, count));
            progress?.Report(count);
        }

        return new WeightView(tensor.Type, target);
    }
}
