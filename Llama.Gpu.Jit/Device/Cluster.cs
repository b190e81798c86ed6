using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// What the groups of a cluster do together, whose kernel has a <see cref="ClusterSizeAttribute"/>. They go in step: each reaches these
/// operations as often as the others, in the same order, with the same operands. Device side: only inside a kernel. Only
/// <see cref="Load{T}"/> fetches for others; so <c>cpu</c> and <c>simd</c> run the groups of a cluster one after the other, each as if it
/// were all of them, and do not see a group that uses a slot which another has not freed.
/// </summary>
public static class Cluster
{
    /// <summary>Waits for all lanes of the cluster: before the first copy or arrival at another group's barrier, and at the kernel's end.</summary>
    /// <param name="line">Filled in by the C# compiler, for messages; no caller passes it.</param>
    public static void Barrier([CallerLineNumber] int line = 0) => Lane.Active.GroupBarrier(line);

    /// <summary>
    /// Arrives at the barrier of this place in each group of the cluster: says that products of this group are done, and copies may
    /// follow. What lanes stored themselves it does not make visible to other groups.
    /// </summary>
    /// <param name="barriers">A view of shared memory.</param>
    /// <param name="index">Which element.</param>
    /// <param name="groups">Groups of the cluster, a constant; 1 where there is none.</param>
    public static void Arrive(ArrayView<ulong> barriers, int index, int groups)
    {
        for (int i = 0; i < groups; i++)
        {
            AsyncBarrier.Arrive(barriers, index);
        }
    }

    /// <summary>
    /// Begins to copy as many boxes as the cluster has groups, one below the other, to this place in each of its groups: group number i
    /// fetches box i for all (<c>.multicast::cluster</c>). The bytes of all boxes count for the barrier's phase in each group. One lane of each group does it.
    /// </summary>
    /// <param name="map">The matrix.</param>
    /// <param name="target">A view of shared memory.</param>
    /// <param name="targetIndex">Where the first box goes: a multiple of 1024 bytes; a box is a multiple of them too.</param>
    /// <param name="boxRows">Rows of a box, a constant: those of the map.</param>
    /// <param name="row">First row.</param>
    /// <param name="column">First column.</param>
    /// <param name="barriers">A view of shared memory.</param>
    /// <param name="index">Which element of it is the <see cref="AsyncBarrier"/>.</param>
    /// <param name="groups">Groups of the cluster, a constant; 1 where there is none.</param>
    /// <typeparam name="T"><see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    public static void Load<T>(
        TensorMap<T> map, ArrayView<T> target, int targetIndex, int boxRows, int row, int column, ArrayView<ulong> barriers, int index, int groups)
        where T : unmanaged
    {
        for (int i = 0; i < groups; i++)
        {
            map.Load(target, targetIndex + (i * boxRows * TensorMap<T>.BoxColumns), row + (i * boxRows), column, barriers, index);
        }
    }
}
