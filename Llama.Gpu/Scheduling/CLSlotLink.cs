using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.OpenCL;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// OpenCL: the reader's thread waits for the launches that used a slot before, and its copies, on a queue of their own, are done before
/// the slot is handed on. The thread that launches kernels never waits here.
/// </summary>
internal sealed class CLSlotLink : SlotLink
{
    private readonly CLStream _compute;
    private readonly CLStream _copies;
    private readonly IReadOnlyList<DeviceMemory<byte>> _slots;
    private readonly CLEvent?[] _used;
    private readonly byte[] _staging = GC.AllocateUninitializedArray<byte>(ChunkBytes, pinned: true);

    public CLSlotLink(CLStream compute, IReadOnlyList<DeviceMemory<byte>> slots)
    {
        _compute = compute;
        _slots = slots;
        _used = new CLEvent?[slots.Count];
        _copies = (CLStream)compute.Accelerator.CreateStream();
    }

    // there is one staging buffer
    public override int ReaderCount => 1;

    public override void Fill(int slot, WeightPiece piece, IWeightReader reader, CancellationToken cancellationToken)
    {
        // kept until it is replaced, since a piece that is given up may be followed by another in its slot
        _used[slot]?.Synchronize();
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

    public override void EndUse(int slot)
    {
        _used[slot]?.Dispose();
        _used[slot] = _compute.Mark();
    }

    public override void Drain() => _compute.Synchronize();

    public override void Dispose()
    {
        Array.ForEach(_used, used => used?.Dispose());
        _copies.Dispose();
    }
}
