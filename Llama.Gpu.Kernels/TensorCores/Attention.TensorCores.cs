namespace Llama.Gpu.Kernels;

/// <content>Many tokens on tensor cores, where the launch shapes say so.</content>
public sealed partial class Attention
{
    private TensorCoreAttention? _tensorCores;
    private WarpGroupAttention? _warpGroups;
    private int _tensorCoreTokens;

    partial void PrepareTensorCores(Accelerator accelerator, LaunchShapes shapes)
    {
        if (shapes.TensorCores)
        {
            _tensorCores = new(accelerator);
            _warpGroups = shapes.WarpGroups ? new(accelerator) : null;
            _tensorCoreTokens = shapes.TensorCoreAttentionTokens;
        }
    }

    partial void RunOnTensorCores(
        AcceleratorStream stream,
        ArrayView<float> queries,
        WeightView keys,
        WeightView values,
        ArrayView<float> cosines,
        ArrayView<float> sines,
        ArrayView<float> output,
        AttentionShape shape,
        float scale,
        ref bool hasRun)
    {
        if (shape.TokenCount < _tensorCoreTokens || !TensorCoreAttention.Takes(shape, keys, values))
        {
            return;
        }

        if (_warpGroups is not null)
        {
            _warpGroups.Run(stream, queries, keys, values, cosines, sines, output, shape, scale);
            hasRun = true;
        }
        else if (_tensorCores is not null)
        {
            _tensorCores.Run(stream, queries, keys, values, cosines, sines, output, shape, scale);
            hasRun = true;
        }
    }
}
