using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// A barrier in shared memory on which lanes wait for arrivals and for copies (<c>mbarrier</c>). Device side: only inside a kernel. Its
/// phases follow each other: one is complete when as many lanes have arrived as it was made for and as many bytes have come as were
/// expected; then the next one begins by itself. CUDA devices of compute capability 9.0 have them.
/// </summary>
public static class AsyncBarrier
{
    /// <summary>
    /// Makes a barrier, whose phase 0 begins. One lane does it; the others use the barrier behind a <see cref="Group.Barrier"/>.
    /// </summary>
    /// <param name="barriers">A view of shared memory, of which nothing else uses the element.</param>
    /// <param name="index">Which element.</param>
    /// <param name="arrivals">Arrivals that complete a phase, 1 to 1023.</param>
    public static void Initialize(ArrayView<ulong> barriers, int index, int arrivals) =>
        Lane.Active.Group.Phases.Initialize(Lane.Active, PhaseBarriers.Place(barriers, index), arrivals);

    /// <summary>Arrives. What this lane did before is seen by those who wait for the phase.</summary>
    /// <param name="barriers">A view of shared memory.</param>
    /// <param name="index">Which element.</param>
    public static void Arrive(ArrayView<ulong> barriers, int index) =>
        Lane.Active.Group.Phases.Arrive(Lane.Active, PhaseBarriers.Place(barriers, index), 0);

    /// <summary>Arrives, and makes the phase wait for bytes of <see cref="TensorMap{T}.Load"/> too.</summary>
    /// <param name="barriers">A view of shared memory.</param>
    /// <param name="index">Which element.</param>
    /// <param name="bytes">Bytes that copies will bring, whole boxes.</param>
    public static void ArriveAndExpect(ArrayView<ulong> barriers, int index, int bytes) =>
        Lane.Active.Group.Phases.Arrive(Lane.Active, PhaseBarriers.Place(barriers, index), bytes);

    /// <summary>
    /// Waits until the phase of this parity is complete: phase 0, 2, 4 and so on have parity 0. A barrier that was just made counts as if
    /// a phase of parity 1 were complete. All lanes of a warp come here, or none, for the same barrier and parity; warps of their own.
    /// </summary>
    /// <param name="barriers">A view of shared memory.</param>
    /// <param name="index">Which element.</param>
    /// <param name="parity">0 or 1.</param>
    /// <param name="line">Filled in by the C# compiler, for messages; no caller passes it.</param>
    public static void Wait(ArrayView<ulong> barriers, int index, int parity, [CallerLineNumber] int line = 0) =>
        Lane.Active.Group.Phases.Wait(Lane.Active, PhaseBarriers.Place(barriers, index), parity, line);
}
