namespace Llama.Gpu.Kernels;

/// <content>Weights of 16 bits on tensor cores, where the launch shapes say so; f32 has none of its own precision.</content>
public sealed partial class MatMul
{
    static partial void LoadTensorCores<T>(Accelerator accelerator, LaunchShapes shapes, ref Launch? launch)
        where T : unmanaged
    {
        if (shapes.TensorCores && typeof(T) != typeof(float))
        {
            Launch warps = new TensorCoreMatMul(accelerator).Run;
            Launch? groups = shapes.WarpGroups ? new WarpGroupMatMul(accelerator).Run : null;
            launch = (stream, input, weight, output, rows, columns, innerSize) =>
            {
                bool inGroups = rows >= LaunchShapes.WarpGroupTokens && WarpGroupMatMul.Takes(weight, innerSize);
                (inGroups && groups is not null ? groups : warps)(stream, input, weight, output, rows, columns, innerSize);
            };
        }
    }
}
