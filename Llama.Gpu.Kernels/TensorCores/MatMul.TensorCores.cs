namespace Llama.Gpu.Kernels;

/// <content>Weights of 16 bits on tensor cores, where the launch shapes say so; f32 has none of its own precision.</content>
public sealed partial class MatMul
{
    private WarpGroupMatMul? _warpGroups;

    static partial void LoadTensorCores<T>(Accelerator accelerator, LaunchShapes shapes, ref Launch? launch)
        where T : unmanaged
    {
        if (shapes.TensorCores && typeof(T) != typeof(float))
        {
            launch = new TensorCoreMatMul(accelerator).Run;
        }
    }

    partial void PrepareWarpGroups(Accelerator accelerator)
    {
        if (_shapes is { TensorCores: true, WarpGroups: true })
        {
            _warpGroups = new(accelerator);
        }
    }

    partial void AskScratch(TensorType type, int tokenCount, int inputSize, ref long bytes)
    {
        if (_warpGroups is not null && tokenCount >= LaunchShapes.WarpGroupTokens && WarpGroupMatMul.Takes(type, inputSize))
        {
            bytes = WarpGroupMatMul.ScratchBytes(tokenCount, inputSize);
        }
    }

    partial void RunOnWarpGroups(
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
        if (_warpGroups is not null && tokenCount >= LaunchShapes.WarpGroupTokens && WarpGroupMatMul.Takes(weight, inputSize))
        {
            _warpGroups.Run(stream, input, weight, output, tokenCount, outputSize, inputSize, scratch);
            hasRun = true;
        }
    }
}
