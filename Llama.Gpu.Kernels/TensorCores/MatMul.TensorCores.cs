namespace Llama.Gpu.Kernels;

/// <content>Weights of 16 bits on tensor cores, where the launch shapes say so; f32 has none of its own precision.</content>
public sealed partial class MatMul
{
    private TensorCoreMatMul? _tensorCores;
    private WarpGroupMatMul? _warpGroups;

    partial void PrepareTensorCores(Accelerator accelerator)
    {
        if (_shapes.TensorCores)
        {
            _tensorCores = new(accelerator);
            _warpGroups = _shapes.WarpGroups ? new(accelerator) : null;
        }
    }

    partial void AskScratch(TensorType type, int tokenCount, int inputSize, ref long bytes)
    {
        if (_tensorCores is not null && type != TensorType.Float32 && tokenCount > _shapes.FewTokens)
        {
            bytes = TensorCoreMatMul.ScratchBytes(type, tokenCount, inputSize);
        }
    }

    partial void RunOnTensorCores(
        AcceleratorStream stream, ProductInput input, WeightView weight, ArrayView<float> output, int outputSize, ref bool hasRun)
    {
        if (_tensorCores is not null && weight.Type != TensorType.Float32)
        {
            if (_warpGroups is not null && input.TokenCount >= LaunchShapes.WarpGroupTokens && WarpGroupMatMul.Takes(weight, input.InputSize))
            {
                _warpGroups.Run(stream, input, weight, output, outputSize);
            }
            else
            {
                _tensorCores.Run(stream, input, weight, output, outputSize);
            }

            hasRun = true;
        }
    }
}
