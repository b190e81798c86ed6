using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Jit.Runtime.Simd;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// Brings weights into the staging slots of a device and keeps copies and kernels in order. A reader's thread calls
/// <see cref="Fill"/>; the thread that launches kernels calls the rest.
/// </summary>
internal abstract class SlotLink : IDisposable
{
    // long enough to be worth a call, short enough for a small ring and for a prompt end
    protected const int ChunkBytes = 4 << 20;

    /// <summary>Threads that are of use in filling slots; where there are none, <see cref="ConsumerFills"/>.</summary>
    public abstract int ReaderCount { get; }

    /// <summary>Whether the thread that launches kernels fills slots rather than wait for one that nobody has begun with.</summary>
    public virtual bool ConsumerFills => false;

    /// <summary>The link for an accelerator.</summary>
    /// <param name="compute">The stream that the kernels run on.</param>
    /// <param name="slots">The slots.</param>
    public static SlotLink For(AcceleratorStream compute, IReadOnlyList<DeviceMemory<byte>> slots) => compute switch
    {
        CudaStream cuda => new CudaSlotLink(cuda, slots),
        CLStream queue => new CLSlotLink(queue, slots),
        { Accelerator: SimdAccelerator simd } => new SimdSlotLink(simd, slots),
        { Accelerator: CPUAccelerator } => new DirectSlotLink(slots),
        _ => throw new ArgumentException($"expected a stream of a known accelerator, found {compute.GetType().Name}", nameof(compute)),
    };

    /// <summary>
    /// Brings a piece into a slot, behind whatever used the slot before. When it returns, the copy is done, or queued so that
    /// <see cref="BeginUse"/> can wait for it.
    /// </summary>
    public abstract void Fill(int slot, WeightPiece piece, IWeightReader reader, CancellationToken cancellationToken);

    /// <summary>What is launched from now on sees what <see cref="Fill"/> brought.</summary>
    public abstract void BeginUse(int slot);

    /// <summary>All that uses the slot has been launched.</summary>
    public abstract void EndUse(int slot);

    /// <summary>Waits until every copy and every launch is done.</summary>
    public abstract void Drain();

    public abstract void Dispose();

    /// <summary>A piece in parts of at most <see cref="ChunkBytes"/>.</summary>
    protected static IEnumerable<(string Tensor, long Source, long Target, int Count)> Chunks(WeightPiece piece)
    {
        foreach (RowRange rows in piece.Rows)
        {
            for (long done = 0; done < rows.Bytes; done += ChunkBytes)
            {
                yield return (
                    rows.Matrix.Tensor,
                    (rows.First * rows.Matrix.RowBytes) + done,
                    rows.Offset + done,
                    (int)Math.Min(ChunkBytes, rows.Bytes - done));
            }
        }
    }
}
