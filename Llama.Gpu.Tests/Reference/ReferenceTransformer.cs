using System.Runtime.InteropServices;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Kernels;
using Llama.Gpu.Model;

namespace Llama.Gpu.Tests.Reference;

/// <summary>
/// The forward pass in plain double precision, without a cache: the same steps, names and order as the decoder, so that a
/// difference can be traced by name. Weights are those stored in the checkpoint; nothing else is rounded.
/// </summary>
internal sealed class ReferenceTransformer(Checkpoint checkpoint)
{
    private readonly LlamaConfig _config = checkpoint.Config;

    /// <summary>The result of each step, by step and layer (-1 outside the layers).</summary>
    public Dictionary<(DecoderStep Step, int Layer), double[]> Steps { get; } = [];

    /// <summary>Logits after every token: (T, vocabulary).</summary>
    public double[] Forward(int[] tokens)
    {
        int n = tokens.Length;
        var shape = new AttentionShape(n, 0, _config.HeadCount, _config.KeyValueHeadCount, _config.HeadDim);
        (double[] cosines, double[] sines) = RopeTables(n);

        // x = embedding[tokens]
        double[] hidden = ReferenceOps.EmbeddingGather(tokens, Weight(TensorNames.Embedding), _config.HiddenSize);
        Note(DecoderStep.Embedding, -1, hidden);

        for (int layer = 0; layer < _config.LayerCount; layer++)
        {
            LayerTensorNames w = TensorNames.Layer(layer);

            // q, k, v = W rmsnorm(x)
            double[] normed = Norm(hidden, w.AttentionNorm);
            double[] query = Project(normed, w.QueryWeight, w.QueryBias, _config.QueryWidth);
            Note(DecoderStep.Query, layer, query);
            double[] key = Project(normed, w.KeyWeight, w.KeyBias, _config.KeyValueWidth);
            double[] value = Project(normed, w.ValueWeight, w.ValueBias, _config.KeyValueWidth);
            Note(DecoderStep.Value, layer, value);
            key = ReferenceOps.Rope(key, cosines, sines, _config.KeyValueHeadCount, _config.HeadDim, 0);
            Note(DecoderStep.RotatedKey, layer, key);

            // x += Wo (softmax(rope(q) k / sqrt(headDim)) v)
            double[] rotated = ReferenceOps.Rope(query, cosines, sines, _config.HeadCount, _config.HeadDim, 0);
            double[] scores = ReferenceOps.Scores(rotated, key, shape, 1 / Math.Sqrt(_config.HeadDim), masked: 0);
            double[] probabilities = ReferenceOps.CausalSoftmax(scores, shape);
            Note(DecoderStep.Probabilities, layer, probabilities);
            double[] attended = ReferenceOps.AttentionWeightedSum(probabilities, value, shape);
            Note(DecoderStep.Attended, layer, attended);
            hidden = ReferenceOps.ResidualAdd(hidden, Project(attended, w.OutputWeight, w.OutputBias, _config.HiddenSize));
            Note(DecoderStep.AttentionResidual, layer, hidden);

            // x += Wdown (silu(Wgate rmsnorm(x)) * Wup rmsnorm(x))
            normed = Norm(hidden, w.MlpNorm);
            bool mlpBias = _config.MlpBias;
            double[] gate = Project(normed, w.GateWeight, w.GateBias, _config.IntermediateSize, mlpBias);
            double[] up = Project(normed, w.UpWeight, w.UpBias, _config.IntermediateSize, mlpBias);
            double[] activated = ReferenceOps.SwiGlu(gate, up);
            Note(DecoderStep.SwiGlu, layer, activated);
            hidden = ReferenceOps.ResidualAdd(hidden, Project(activated, w.DownWeight, w.DownBias, _config.HiddenSize, mlpBias));
            Note(DecoderStep.MlpResidual, layer, hidden);
        }

        double[] final = Norm(hidden, TensorNames.FinalNorm);
        Note(DecoderStep.FinalNorm, -1, final);
        double[] logits = ReferenceOps.MatMul(final, Weight(TensorNames.HeadOf(_config)), _config.VocabularySize, _config.HiddenSize);
        Note(DecoderStep.Logits, -1, logits[^_config.VocabularySize..]);
        return logits;
    }

    private double[] Norm(double[] input, string weight) =>
        ReferenceOps.RmsNorm(input, Weight(weight), _config.HiddenSize, _config.RmsNormEpsilon);

    private double[] Project(double[] input, string weight, string bias, int outputs) =>
        Project(input, weight, bias, outputs, _config.AttentionBias);

    private double[] Project(double[] input, string weight, string bias, int outputs, bool biased)
    {
        double[] matrix = Weight(weight);
        double[] output = ReferenceOps.MatMul(input, matrix, outputs, matrix.Length / outputs);
        return biased ? ReferenceOps.BiasAdd(output, Weight(bias)) : output;
    }

    private (double[] Cosines, double[] Sines) RopeTables(int positions)
    {
        double[] frequencies = RopeTable.Frequencies(_config);
        var angles = Enumerable.Range(0, positions).SelectMany(p => frequencies.Select(frequency => p * frequency)).ToArray();
        return ([.. angles.Select(Math.Cos)], [.. angles.Select(Math.Sin)]);
    }

    private double[] Weight(string name)
    {
        TensorInfo tensor = checkpoint.Tensors[name];
        ReadOnlySpan<byte> bytes = checkpoint.Read(tensor, 0, checked((int)tensor.ByteLength));
        var values = new double[tensor.ElementCount];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = tensor.Type switch
            {
                TensorType.Float32 => MemoryMarshal.Cast<byte, float>(bytes)[i],
                TensorType.Float16 => (double)MemoryMarshal.Cast<byte, System.Half>(bytes)[i],
                _ => Llama.Gpu.Jit.BFloat16.FromBits(MemoryMarshal.Cast<byte, ushort>(bytes)[i]),
            };
        }

        return values;
    }

    private void Note(DecoderStep step, int layer, double[] values) => Steps[(step, layer)] = values;
}
