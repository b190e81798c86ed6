namespace Llama.Gpu.Scheduling;

/// <summary>
/// Where the device's memory is the host's: weights are read from the file straight into the slot. Launches are done when their call
/// returns, so there is nothing to wait for.
/// </summary>
internal unsafe class DirectSlotLink(IReadOnlyList<DeviceMemory<byte>> slots) : SlotLink
{
    public override int ReaderCount => 1;

    // a copy is the processor's work, of which there is no more when this thread sleeps
    public override bool ConsumerFills => true;

    public override void Fill(int slot, WeightPiece piece, IWeightReader reader, CancellationToken cancellationToken)
    {
        foreach (var (tensor, source, target, count) in Chunks(piece))
        {
            cancellationToken.ThrowIfCancellationRequested();
            reader.Read(tensor, source, Part(slot, target, count));
        }
    }

    public override void BeginUse(int slot)
    {
    }

    public override void EndUse(int slot)
    {
    }

    public override void Drain()
    {
    }

    public override void Dispose()
    {
    }

    /// <summary>Some bytes of a slot.</summary>
    protected Span<byte> Part(int slot, long offset, int count) =>
        new((void*)(slots[slot].Buffer.NativePtr + (nint)offset), count);
}
