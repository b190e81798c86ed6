using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>
/// What groups of a cluster do for each other. PTX ISA, <c>cp.async.bulk.tensor</c>: a copy with <c>.multicast::cluster</c> writes to the same
/// place in each group whose bit is set, and signals the barrier of the same place there. <c>mapa</c> gives the address of a place in another group.
/// </summary>
internal static class PtxClusters
{
    /// <summary>
    /// Arrives at the barrier of a place in each group; without <c>.cluster</c> as its scope, which would flush caches each time, and which
    /// products that are done and copies that follow do not need.
    /// </summary>
    public static string Arrive(string barrier, int groups) => string.Join('\n', Enumerable.Range(0, groups).Select(rank => $$"""
        {
        .reg .b32 there;
        mapa.shared::cluster.u32 there, {{barrier}}, {{rank}};
        mbarrier.arrive.shared::cluster.b64 _, [there];
        }
        """));

    /// <summary>Copies this group's box to all.</summary>
    public static string Load(string target, string barrier, string map, string row, string column, ClusterBoxes boxes) => $$"""
        {
        .reg .b32 rank, first, place;
        .reg .b16 all;
        mov.u32 rank, %cluster_ctarank;
        mad.lo.u32 first, rank, {{boxes.Rows}}, {{row}};
        mad.lo.u32 place, rank, {{boxes.Bytes}}, {{target}};
        mov.b16 all, {{(1 << boxes.Groups) - 1}};
        cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [place], [{{map}}, {{{column}}, first}], [{{barrier}}], all;
        }
        """;
}
