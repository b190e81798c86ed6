using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// Where there are queues and no events between them: the reader's thread waits for the kernels' queue before it overwrites a slot,
/// and its copies, on a queue of their own, are done before the slot is handed on. The thread that launches kernels never waits here.
/// </summary>
internal sealed class BlockingSlotLink : SlotLink
{
    private readonly AcceleratorStream _compute;
    private readonly AcceleratorStream _copies;
    private readonly IReadOnlyList<DeviceMemory<byte>> _slots;
    private readonly bool[] _used;
    private readonly byte[] _staging = GC.AllocateUninitializedArray<byte>(ChunkBytes, pinned: true);

    public BlockingSlotLink(AcceleratorStream compute, IReadOnlyList<DeviceMemory<byte>> slots)
    {
        _compute = compute;
        _slots = slots;
        _used = new bool[slots.Count];
        _copies = compute.Accelerator.CreateStream();
    }

    // there is one staging buffer
    public override int ReaderCount => 1;

    public override void Fill(int slot, WeightPiece piece, IWeightReader reader, CancellationToken cancellationToken)
    {
        if (_used[slot])
        {
            _compute.Synchronize();
        }

        ArrayView<byte> memory = _slots[slot].View;
        foreach (var (tensor, source, target, count) in Chunks(piece))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Span<byte> chunk = _staging.AsSpan(0, count);
            reader.Read(tensor, source, chunk);
            memory.SubView(target, count).CopyFromCPU(_copies, chunk);
        }
    }

    public override void BeginUse(int slot)
    {
    }

    public override void EndUse(int slot) => _used[slot] = true;

    public override void Drain() => _compute.Synchronize();

    public override void Dispose() => _copies.Dispose();
}
