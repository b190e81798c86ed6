using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime.Cuda;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// CUDA: file to pinned ring to slot, on a stream for each slot. Streams wait for one another by events: a copy for the launches that
/// used its slot before, the launches for the copy. The host waits only for a part of the ring to be free.
/// </summary>
internal sealed class CudaSlotLink : SlotLink
{
    private const int RingParts = 16;

    private readonly CudaStream _compute;
    private readonly IReadOnlyList<DeviceMemory<byte>> _slots;
    private readonly List<IDisposable> _owned = [];
    private readonly StagingRing _ring;
    private readonly CudaStream[] _copies;
    private readonly CudaEvent[] _filled;
    private readonly CudaEvent[] _used;

    // whether an event has been recorded: one that never was counts as done, but is not waited for either
    private readonly bool[] _wasUsed;

    public CudaSlotLink(CudaStream compute, IReadOnlyList<DeviceMemory<byte>> slots)
    {
        _compute = compute;
        _slots = slots;
        _wasUsed = new bool[slots.Count];
        var accelerator = (CudaAccelerator)compute.Accelerator;
        try
        {
            _ring = Own(new StagingRing(accelerator, ChunkBytes, RingParts));
            _copies = [.. slots.Select(_ => Own((CudaStream)accelerator.CreateStream()))];
            _filled = [.. slots.Select(_ => Own(accelerator.CreateEvent()))];
            _used = [.. slots.Select(_ => Own(accelerator.CreateEvent()))];
        }
        catch
        {
            _owned.ForEach(owned => owned.Dispose());
            throw;
        }
    }

    public override int ReaderCount => Math.Clamp(Environment.ProcessorCount / 2, 1, Math.Min(_slots.Count, RingParts));

    public override void Fill(int slot, WeightPiece piece, IWeightReader reader, CancellationToken cancellationToken)
    {
        CudaStream stream = _copies[slot];
        if (_wasUsed[slot])
        {
            stream.WaitFor(_used[slot]);
        }

        ArrayView<byte> memory = _slots[slot].View;
        foreach (var (tensor, source, target, count) in Chunks(piece))
        {
            cancellationToken.ThrowIfCancellationRequested();
            _ring.Copy(stream, memory.SubView(target, count), destination => reader.Read(tensor, source, destination));
        }

        _filled[slot].Record(stream);
    }

    public override void BeginUse(int slot) => _compute.WaitFor(_filled[slot]);

    public override void EndUse(int slot)
    {
        _used[slot].Record(_compute);
        _wasUsed[slot] = true;
    }

    public override void Drain()
    {
        foreach (CudaStream stream in _copies)
        {
            stream.Synchronize();
        }

        _compute.Synchronize();
    }

    public override void Dispose() => _owned.ForEach(owned => owned.Dispose());

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
