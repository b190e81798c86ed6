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

    partial void RunOnTensorCores(AcceleratorStream stream, in AttentionOperands operands, ref bool hasRun)
    {
        if (operands.Shape.TokenCount < _tensorCoreTokens || !TensorCoreAttention.Takes(operands))
        {
            return;
        }

        if (_warpGroups is not null)
        {
            _warpGroups.Run(stream, operands);
            hasRun = true;
        }
        else if (_tensorCores is not null)
        {
            _tensorCores.Run(stream, operands);
            hasRun = true;
        }
    }
}
