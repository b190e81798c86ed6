namespace Llama.Gpu.Kernels;

/// <summary>A kernel that exists once for each element type: what a launcher with a <see cref="WeightView"/> implements.</summary>
/// <typeparam name="TLaunch">
/// The launch with the element type hidden: takes a <see cref="WeightView"/> where the kernel takes its typed view.
/// </typeparam>
internal interface ITypedKernel<TLaunch>
    where TLaunch : Delegate
{
    /// <summary>Loads the kernel for one element type.</summary>
    TLaunch Load<T, TElement>(Accelerator accelerator)
        where T : unmanaged
        where TElement : struct, IElement<T>;
}

/// <summary>
/// The loaded kernels of a launcher by element type. One is loaded when it is first asked for: a model has one type, seldom two.
/// </summary>
internal sealed class KernelByType<TLaunch>(Accelerator accelerator, ITypedKernel<TLaunch> kernel)
    where TLaunch : Delegate
{
    private TLaunch? _single;
    private TLaunch? _half;
    private TLaunch? _bfloat16;

    /// <summary>The launch for an element type.</summary>
    /// <exception cref="ArgumentException">No such element type.</exception>
    public TLaunch this[TensorType type] => type switch
    {
        TensorType.Float32 => _single ??= kernel.Load<float, SingleElement>(accelerator),
        TensorType.Float16 => _half ??= kernel.Load<Half, HalfElement>(accelerator),
        TensorType.BFloat16 => _bfloat16 ??= kernel.Load<BFloat16, BFloat16Element>(accelerator),
        _ => throw new ArgumentException($"expected Float32, Float16 or BFloat16, found {type}", nameof(type)),
    };
}
