namespace Llama.Gpu.Kernels;

/// <summary>A kernel that exists once for each element type and for each length of run that a lane takes of a row.</summary>
/// <typeparam name="TLaunch">The launch with the types hidden.</typeparam>
internal interface IRunKernel<TLaunch> : ITypedKernel<TLaunch>
    where TLaunch : Delegate
{
    /// <summary>How work is cut.</summary>
    LaunchShapes Shapes { get; }

    /// <summary>Loads the kernel for one element type and run.</summary>
    TLaunch Load<T, TElement, TRun>(Accelerator accelerator)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun;

    TLaunch ITypedKernel<TLaunch>.Load<T, TElement>(Accelerator accelerator) => Shapes.RunLength<T>() switch
    {
        1 => Load<T, TElement, RunOfOne>(accelerator),
        4 => Load<T, TElement, RunOfFour>(accelerator),
        _ => Load<T, TElement, RunOfEight>(accelerator),
    };
}
