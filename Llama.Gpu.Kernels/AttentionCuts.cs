namespace Llama.Gpu.Kernels;

/// <summary>The kernels of <see cref="Attention"/> by how many queries a group takes at once and how its lanes share the values.</summary>
/// <typeparam name="TLaunch">How they are launched.</typeparam>
/// <param name="accelerator">Where they run.</param>
/// <param name="one">One query, <see cref="AttentionTile.Narrow"/>.</param>
/// <param name="oneWide">One query, <see cref="AttentionTile.Wide"/>.</param>
/// <param name="four">Four queries.</param>
/// <param name="fourWide">Four queries.</param>
/// <param name="eightWide">Eight queries.</param>
internal sealed class AttentionCuts<TLaunch>(
    Accelerator accelerator,
    ITypedKernel<TLaunch> one,
    ITypedKernel<TLaunch> oneWide,
    ITypedKernel<TLaunch> four,
    ITypedKernel<TLaunch> fourWide,
    ITypedKernel<TLaunch> eightWide)
    where TLaunch : Delegate
{
    private readonly KernelByType<TLaunch> _one = new(accelerator, one);
    private readonly KernelByType<TLaunch> _oneWide = new(accelerator, oneWide);
    private readonly KernelByType<TLaunch> _four = new(accelerator, four);
    private readonly KernelByType<TLaunch> _fourWide = new(accelerator, fourWide);
    private readonly KernelByType<TLaunch> _eightWide = new(accelerator, eightWide);

    /// <summary>The kernel for a cache's type.</summary>
    public TLaunch For(int queriesAtOnce, AttentionTile tile, TensorType type) => (queriesAtOnce, tile) switch
    {
        (1, AttentionTile.Wide) => _oneWide[type],
        (1, _) => _one[type],
        (4, AttentionTile.Wide) => _fourWide[type],
        (4, _) => _four[type],
        _ => _eightWide[type],
    };
}
