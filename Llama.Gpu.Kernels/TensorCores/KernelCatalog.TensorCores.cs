using Llama.Gpu.Jit.Backends.Ptx;

namespace Llama.Gpu.Kernels;

/// <content>Kernels that need tensor cores.</content>
public static partial class KernelCatalog
{
    /// <summary>Whether a target of PTX has what a GPU's kernel needs.</summary>
    /// <param name="kernel">One of <see cref="OfGpus"/>.</param>
    /// <param name="target">The target.</param>
    public static bool IsFor(this CatalogedKernel kernel, PtxTarget target)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(target);
        return kernel.Target switch
        {
            KernelTarget.TensorCores => target.HasTensorCores,
            KernelTarget.WarpGroups => target.HasWarpGroups,
            _ => true,
        };
    }

    static partial void AddTensorCores(List<CatalogedKernel> kernels)
    {
        foreach ((string name, Type stored, Type element) in ElementTypes.Where(type => type.Stored != typeof(float)))
        {
            void Add<TTile, TStaging>(string tile)
                where TTile : struct, ITensorTile
                where TStaging : struct, IWeightStaging => kernels.Add(new CatalogedKernel(
                    $"{nameof(TensorCoreMatMul)}.{name}.{tile}",
                    Find(typeof(TensorCoreMatMul), nameof(TensorCoreMatMul.TileKernel)).MakeGenericMethod(stored, element, typeof(TTile), typeof(TStaging)),
                    TTile.Lanes,
                    KernelTarget.TensorCores));

            Add<LargeTensorTile, ChunkStaging>("Large");
            Add<WideTensorTile, ChunkStaging>("Wide");
            Add<SquareTensorTile, ChunkStaging>("Square");
            Add<NarrowTensorTile, ChunkStaging>("Narrow");
            Add<NarrowTensorTile, ElementStaging>("Elements");
            Type word = stored == typeof(Half) ? typeof(HalfWord) : typeof(BFloat16Word);
            foreach (Type head in (Type[])[typeof(NarrowTensorHead), typeof(WideTensorHead)])
            {
                kernels.Add(new CatalogedKernel(
                    $"{nameof(TensorCoreAttention)}.{name}.{head.Name[..^"TensorHead".Length]}",
                    Find(typeof(TensorCoreAttention), nameof(TensorCoreAttention.Kernel)).MakeGenericMethod(stored, element, word, head),
                    TensorCoreAttention.Lanes,
                    KernelTarget.TensorCores));
            }

            void AddWarpGroups<TTile>(string tile, string kernel = nameof(WarpGroupMatMul.TileKernel))
                where TTile : struct, IWarpGroupTile => kernels.Add(new CatalogedKernel(
                    $"{nameof(WarpGroupMatMul)}.{name}.{tile}",
                    Find(typeof(WarpGroupMatMul), kernel).MakeGenericMethod(stored, typeof(TTile)),
                    WarpGroupMatMul.Lanes,
                    KernelTarget.WarpGroups));

            AddWarpGroups<WidePairedWarpGroupTile>("WidePaired", nameof(WarpGroupMatMul.PairKernel));
            AddWarpGroups<MiddlePairedWarpGroupTile>("MiddlePaired", nameof(WarpGroupMatMul.PairKernel));
            AddWarpGroups<WideWarpGroupTile>("Wide");
            AddWarpGroups<MiddleWarpGroupTile>("Middle");
            AddWarpGroups<NarrowWarpGroupTile>("Narrow");
            foreach (Type head in (Type[])[typeof(NarrowWarpGroupHead), typeof(WideWarpGroupHead)])
            {
                kernels.Add(new CatalogedKernel(
                    $"{nameof(WarpGroupAttention)}.{name}.{head.Name[..^"WarpGroupHead".Length]}",
                    Find(typeof(WarpGroupAttention), nameof(WarpGroupAttention.Kernel)).MakeGenericMethod(stored, element, word, head),
                    WarpGroupAttention.Lanes,
                    KernelTarget.WarpGroups));
            }

            kernels.Add(new CatalogedKernel(
                $"{nameof(InputRounding)}.{name}",
                Find(typeof(InputRounding), nameof(InputRounding.Kernel)).MakeGenericMethod(stored, element),
                LaunchShapes.MaxLanes));
        }
    }
}
