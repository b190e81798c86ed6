namespace Llama.Gpu.Kernels;

/// <summary>How <see cref="Attention"/> is cut into groups and lanes on an accelerator.</summary>
/// <param name="Lanes">Lanes of a group; at most <see cref="MaxLanes"/>, in at most 32 warps.</param>
/// <param name="Tile">How those lanes share the values.</param>
/// <param name="Groups">Groups that keep the device busy: where there are fewer, the keys are cut into parts.</param>
public sealed record AttentionLaunch(int Lanes, AttentionTile Tile, int Groups)
{
    /// <summary>Most lanes a group has: what the shared memory of its kernels is made for.</summary>
    public const int MaxLanes = 128;

    // Groups of four warps that wait at barriers between keys and values: four of them have about 32 KiB of loads on their way on each
    // multiprocessor, where 3.4 TB/s at 0.7 us of latency on 132 of them asks for 18 KiB. Estimated, not measured.
    private const int GroupsPerMultiprocessor = 4;
    private const int GpuWarpSize = 32;

    /// <summary>Lanes that run one after the other.</summary>
    internal static readonly AttentionLaunch OneLane = new(1, AttentionTile.Narrow, 1);

    /// <summary>Whether a group of a launch may read what another one has stored before a fence and an atomic operation.</summary>
    public bool JoinsParts { get; init; } = true;

    /// <summary>Whether keys are cut into parts as a rule, so that putting them together in the same launch saves one.</summary>
    public bool JoiningSavesLaunch => JoinsParts && Tile == AttentionTile.Wide;

    /// <summary>A launch of so many groups.</summary>
    internal KernelConfig Config(int x, int y = 1, int z = 1) => new(x, y, z, Lanes, 1, 1);

    /// <summary>The cut for an accelerator.</summary>
    internal static AttentionLaunch For(Accelerator accelerator)
    {
        int warpSize = accelerator.WarpSize;
        int lanes = Math.Min(accelerator.MaxNumThreadsPerGroup, Math.Min(MaxLanes, GroupReduction.MaxWarps * warpSize));
        if (lanes == 1)
        {
            return OneLane with { Groups = accelerator.NumMultiprocessors };
        }

        // A warp narrower than a GPU's is a vector of a processor: a second one in a group hides nothing there and costs barriers.
        return warpSize < GpuWarpSize
            ? new(Math.Min(lanes, warpSize), AttentionTile.Narrow, accelerator.NumMultiprocessors)
            : new(lanes, AttentionTile.Wide, GroupsPerMultiprocessor * accelerator.NumMultiprocessors)
            {
                JoinsParts = accelerator.AcceleratorType != AcceleratorType.OpenCL,
            };
    }
}
