using Llama.Gpu.Jit.Runtime.Simd;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// The host's vectors: copies and kernels are the same cores' work, so the cores take turns at them. All of them bring a piece when the
/// kernels come to it, and then compute from it while it lies in their caches. Threads that read ahead would take cores from the kernels and
/// the piece out of the caches.
/// </summary>
internal sealed class SimdSlotLink(SimdAccelerator accelerator, IReadOnlyList<DeviceMemory<byte>> slots) : DirectSlotLink(slots)
{
    // as devices align allocations: no cache line is written by two cores
    private const int Alignment = 256;

    public override int ReaderCount => 0;

    public override void Fill(int slot, WeightPiece piece, IWeightReader reader, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        int cores = accelerator.NumMultiprocessors;
        accelerator.RunOnWorkers(cores, core =>
        {
            foreach (RowRange rows in piece.Rows)
            {
                long first = Boundary(rows.Bytes, core, cores);
                long end = Boundary(rows.Bytes, core + 1, cores);
                if (end > first)
                {
                    reader.Read(
                        rows.Matrix.Tensor, (rows.First * rows.Matrix.RowBytes) + first, Part(slot, rows.Offset + first, checked((int)(end - first))));
                }
            }
        });
    }

    private static long Boundary(long bytes, int core, int cores) =>
        core == cores ? bytes : bytes * core / cores / Alignment * Alignment;
}
