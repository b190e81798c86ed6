using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Model;

/// <content>Products with the weights of a layer, which are whole or come in pieces.</content>
internal sealed partial class Decoder
{
    // one token of weights that are whole, have no biases, and are of the cache's type
    private bool AppendsInOneLaunch(int layer, LayerWeights w, DecoderState state)
    {
        TensorType type = w.AttentionNorm.Type;
        return Observer is null && kernels.QkvAppend.Takes(config.HiddenSize)
            && weights.PieceCount(ModelLayout.IndexOf(layer, WeightStep.QueryKeyValue)) == 1
            && IsPlain(w.Query) && IsPlain(w.Key) && IsPlain(w.Value)
            && state.KeyCache[layer].Type == type;

        bool IsPlain(in Projection projection) => projection.Type == type && projection.Bias is null;
    }

    private void AppendToken(int layer, LayerWeights w, DecoderState state, CancellationToken cancellationToken)
    {
        using WeightLease piece = weights.Take(ModelLayout.IndexOf(layer, WeightStep.QueryKeyValue), 0, cancellationToken);
        kernels.QkvAppend.Run(
            stream,
            state.Hidden,
            w.AttentionNorm,
            piece[0].Weight,
            piece[1].Weight,
            piece[2].Weight,
            state.Query,
            state.KeyCache[layer],
            state.ValueCache[layer],
            state.Cosines,
            state.Sines,
            state.DevicePosition,
            LastToken(state),
            config.HiddenSize,
            config.RmsNormEpsilon);
    }

    // for one token in one launch a piece, if the weights have one type: where that launch cannot append as well
    private void ProjectQueriesKeysAndValues(int layer, LayerWeights w, DecoderState state, int n, CancellationToken cancellationToken)
    {
        int hidden = config.HiddenSize;
        float epsilon = config.RmsNormEpsilon;
        TensorType type = w.AttentionNorm.Type;
        bool inOneLaunch = n == 1 && kernels.QkvProjection.Takes(hidden)
            && w.Query.Type == type && w.Key.Type == type && w.Value.Type == type;
        if (!inOneLaunch)
        {
            kernels.RmsNorm.Run(stream, state.Hidden, w.AttentionNorm, state.Normed, n, hidden, epsilon);
        }

        var normed = new ProductInput(state.Normed, n, hidden, state.ProductScratch);
        int step = ModelLayout.IndexOf(layer, WeightStep.QueryKeyValue);
        for (int i = 0; i < weights.PieceCount(step); i++)
        {
            using WeightLease piece = weights.Take(step, i, cancellationToken);
            MatrixRows query = piece[0];
            MatrixRows key = piece[1];
            MatrixRows value = piece[2];
            if (inOneLaunch)
            {
                kernels.QkvProjection.Run(
                    stream,
                    state.Hidden,
                    w.AttentionNorm,
                    query.Weight,
                    key.Weight,
                    value.Weight,
                    state.Query.SubView(query.First, query.Count),
                    state.Key.SubView(key.First, key.Count),
                    state.Value.SubView(value.First, value.Count),
                    query.Count,
                    key.Count,
                    hidden,
                    epsilon);
            }
            else
            {
                Multiply(query, w.Query, normed, state.Query, state);
                Multiply(key, w.Key, normed, state.Key, state);
                Multiply(value, w.Value, normed, state.Value, state);
            }
        }

        AddBias(w.Query, state.Query, n);
        AddBias(w.Key, state.Key, n);
        AddBias(w.Value, state.Value, n);
    }

    private void ProjectGateAndUp(int layer, LayerWeights w, DecoderState state, int n, CancellationToken cancellationToken)
    {
        int hidden = config.HiddenSize;
        float epsilon = config.RmsNormEpsilon;
        TensorType type = w.MlpNorm.Type;
        bool hasBias = w.Gate.Bias is not null || w.Up.Bias is not null;
        bool inOneLaunch = n == 1 && !hasBias && kernels.GateUpProjection.Takes(hidden) && w.Gate.Type == type && w.Up.Type == type;
        if (!inOneLaunch)
        {
            kernels.RmsNorm.Run(stream, state.Hidden, w.MlpNorm, state.Normed, n, hidden, epsilon);
        }

        var normed = new ProductInput(state.Normed, n, hidden, state.ProductScratch);
        int step = ModelLayout.IndexOf(layer, WeightStep.GateUp);
        for (int i = 0; i < weights.PieceCount(step); i++)
        {
            using WeightLease piece = weights.Take(step, i, cancellationToken);
            MatrixRows gate = piece[0];
            MatrixRows up = piece[1];
            if (inOneLaunch)
            {
                ArrayView<float> output = state.Gate.SubView(gate.First, gate.Count);
                kernels.GateUpProjection.Run(
                    stream, state.Hidden, w.MlpNorm, gate.Weight, up.Weight, output, gate.Count, hidden, epsilon);
            }
            else
            {
                Multiply(gate, w.Gate, normed, state.Gate, state);
                Multiply(up, w.Up, normed, state.Up, state);
            }
        }

        if (!inOneLaunch)
        {
            AddBias(w.Gate, state.Gate, n);
            AddBias(w.Up, state.Up, n);
            kernels.SwiGlu.Run(stream, state.Gate, state.Up, state.Gate, n, config.IntermediateSize);
        }
    }

    // x += W input + bias
    private void AddProjected(
        int step, in Projection projection, ArrayView<float> input, DecoderState state, int n, CancellationToken cancellationToken)
    {
        var factor = new ProductInput(input, n, projection.Inputs, state.ProductScratch);
        for (int i = 0; i < weights.PieceCount(step); i++)
        {
            using WeightLease piece = weights.Take(step, i, cancellationToken);
            MatrixRows rows = piece[0];
            if (n == 1)
            {
                ArrayView<float> sum = state.Hidden.SubView(rows.First, rows.Count);
                kernels.MatVec.RunAdd(stream, input, rows.Weight, sum, rows.Count, projection.Inputs);
            }
            else
            {
                Multiply(rows, projection, factor, state.Projected, state);
            }
        }

        if (n > 1)
        {
            kernels.ResidualAdd.Run(stream, state.Hidden, state.Projected, n, projection.Outputs);
        }

        AddBias(projection, state.Hidden, n);
    }

    // some rows of a projection give as many columns of its output
    private void Multiply(in MatrixRows rows, in Projection projection, ProductInput input, ArrayView<float> output, DecoderState state)
    {
        if (input.TokenCount == 1)
        {
            kernels.MatVec.Run(stream, input.Values, rows.Weight, output.SubView(rows.First, rows.Count), rows.Count, projection.Inputs);
        }
        else if (rows.Count == projection.Outputs)
        {
            kernels.MatMul.Run(stream, input, rows.Weight, output, rows.Count);
        }
        else
        {
            kernels.MatMul.Run(stream, input, rows.Weight, state.Slice, rows.Count);
            for (int token = 0; token < input.TokenCount; token++)
            {
                ArrayView<float> columns = output.SubView(((long)token * projection.Outputs) + rows.First, rows.Count);
                state.Slice.SubView((long)token * rows.Count, rows.Count).CopyTo(columns, stream);
            }
        }
    }

    private void AddBias(in Projection projection, ArrayView<float> output, int tokens)
    {
        if (projection.Bias is { } bias)
        {
            kernels.BiasAdd.Run(stream, output, bias, tokens, projection.Outputs);
        }
    }
}
