namespace Llama.Gpu.Kernels;

/// <content>Weights of 16 bits on tensor cores, where the launch shapes say so; f32 has none of its own precision.</content>
public sealed partial class MatMul
{
    static partial void LoadTensorCores<T>(Accelerator accelerator, LaunchShapes shapes, ref Launch? launch)
        where T : unmanaged
    {
        if (shapes.TensorCores && typeof(T) != typeof(float))
        {
            var warps = new TensorCoreMatMul(accelerator);
            var groups = shapes.WarpGroups ? new WarpGroupMatMul(accelerator) : null;
            launch = (stream, input, weight, output, _, rows, columns, innerSize) =>
            {
                if (groups is not null && rows >= LaunchShapes.WarpGroupTokens && WarpGroupMatMul.Takes(weight, innerSize))
                {
                    groups.Run(stream, input, weight, output, rows, columns, innerSize);
                }
                else
                {
                    warps.Run(stream, input, weight, output, rows, columns, innerSize);
                }
            };
        }
    }
}
