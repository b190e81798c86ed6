namespace Llama.Gpu.Checkpoints;

/// <summary>A checkpoint whose tensors lie in files, whatever their format: what all readers of files have in common.</summary>
public abstract class StoredCheckpoint : Checkpoint
{
    private protected StoredCheckpoint(TensorSet tensors) => Stored = tensors;

    /// <summary>
    /// Every tensor of the model, in the order of <see cref="TensorNames.Expected"/>. One in Q8_0 counts as f32; one that is joined of
    /// several files has <see cref="TensorInfo.File"/> and <see cref="TensorInfo.Offset"/> of its first part.
    /// </summary>
    public override IReadOnlyDictionary<string, TensorInfo> Tensors => Stored.Tensors;

    /// <summary>The tensors and the files they lie in; disposed with the checkpoint.</summary>
    private protected TensorSet Stored { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The tensor is not one of this checkpoint.</exception>
    /// <exception cref="CheckpointException">The file has become shorter since it was opened.</exception>
    public override ReadOnlySpan<byte> Read(TensorInfo tensor, long byteOffset, int byteCount) =>
        Stored.Read(tensor, byteOffset, byteCount);

    /// <inheritdoc/>
    public override void CopyTo(TensorInfo tensor, long byteOffset, Span<byte> destination) =>
        Stored.CopyTo(tensor, byteOffset, destination);

    /// <inheritdoc/>
    public override void WillCopy(TensorInfo tensor, long byteOffset, long byteCount) =>
        Stored.WillCopy(tensor, byteOffset, byteCount);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Stored.Dispose();
        }
    }
}
