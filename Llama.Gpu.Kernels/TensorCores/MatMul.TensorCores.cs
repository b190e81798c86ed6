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
        AcceleratorStream stream,
        ArrayView<float> input,
        WeightView weight,
        ArrayView<float> output,
        int tokenCount,
        int outputSize,
        int inputSize,
        ArrayView<byte> scratch,
        ref bool hasRun)
    {
        if (_tensorCores is not null && weight.Type != TensorType.Float32)
        {
            if (_warpGroups is not null && tokenCount >= LaunchShapes.WarpGroupTokens && WarpGroupMatMul.Takes(weight, inputSize))
            {
                _warpGroups.Run(stream, input, weight, output, tokenCount, outputSize, inputSize, scratch);
            }
            else
            {
                _tensorCores.Run(stream, input, weight, output, tokenCount, outputSize, inputSize, scratch);
            }

            hasRun = true;
        }
    }
}
