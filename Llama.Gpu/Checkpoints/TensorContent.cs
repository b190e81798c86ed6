namespace Llama.Gpu.Checkpoints;

/// <summary>A tensor of a checkpoint and where its bytes come from.</summary>
/// <param name="Info">What it is, dense and row-major, as readers of the checkpoint see it.</param>
/// <param name="Content">Its bytes in that order: <see cref="TensorInfo.ByteLength"/> of them.</param>
internal sealed record StoredTensor(TensorInfo Info, TensorContent Content);

/// <summary>
/// A tensor's bytes, dense and row-major, however they lie on disk. A part that lies there as it is asked for is given straight
/// from the mapping; any other is put together in memory of its own, that part alone.
/// </summary>
internal abstract class TensorContent
{
    /// <summary>Bytes of the tensor.</summary>
    /// <param name="offset">First byte, counted from the tensor's start; within the tensor, as is all that is asked for.</param>
    /// <param name="count">Number of bytes.</param>
    public virtual ReadOnlySpan<byte> Read(long offset, int count)
    {
        byte[] bytes = GC.AllocateUninitializedArray<byte>(count);
        Copy(offset, bytes);
        return bytes;
    }

    /// <summary>Copies bytes of the tensor.</summary>
    /// <param name="offset">First byte, counted from the tensor's start.</param>
    /// <param name="target">Filled to its end.</param>
    public abstract void Copy(long offset, Span<byte> target);

    /// <summary>Has the system begin to read bytes of the tensor from disk, where they lie there next to each other.</summary>
    /// <param name="offset">First byte, counted from the tensor's start.</param>
    /// <param name="count">Number of bytes.</param>
    public virtual void WillCopy(long offset, long count)
    {
    }
}

/// <summary>Bytes that lie in a file as they are.</summary>
/// <param name="file">The file.</param>
/// <param name="start">First byte in the file.</param>
/// <param name="length">Number of bytes; all within the file.</param>
internal sealed class DenseContent(IByteSource file, long start, long length) : TensorContent
{
    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Read(long offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + count, length);
        return file.Read(start + offset, count);
    }

    /// <inheritdoc/>
    public override void Copy(long offset, Span<byte> target)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + target.Length, length);
        file.CopyTo(start + offset, target);
    }

    /// <inheritdoc/>
    public override void WillCopy(long offset, long count) => file.WillCopy(start + offset, count);
}

/// <summary>Several tensors one after another: shards that each hold some of the rows.</summary>
/// <param name="parts">The parts in order, with their lengths in bytes.</param>
internal sealed class StackedContent((TensorContent Content, long Length)[] parts) : TensorContent
{
    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Read(long offset, int count)
    {
        long start = 0;
        foreach (var (content, length) in parts)
        {
            if (offset >= start && offset + count <= start + length)
            {
                return content.Read(offset - start, count);
            }

            start += length;
        }

        return base.Read(offset, count);
    }

    /// <inheritdoc/>
    public override void Copy(long offset, Span<byte> target)
    {
        long start = 0;
        foreach (var (content, length) in parts)
        {
            if (offset < start + length && !target.IsEmpty)
            {
                int count = (int)Math.Min(target.Length, start + length - offset);
                content.Copy(offset - start, target[..count]);
                target = target[count..];
                offset += count;
            }

            start += length;
        }
    }

    /// <inheritdoc/>
    public override void WillCopy(long offset, long count)
    {
        long start = 0;
        foreach (var (content, length) in parts)
        {
            long first = Math.Max(offset, start);
            long end = Math.Min(offset + count, start + length);
            if (first < end)
            {
                content.WillCopy(first - start, end - first);
            }

            start += length;
        }
    }
}

/// <summary>A tensor whose rows are found elsewhere, each of them whole or in pieces.</summary>
/// <param name="rowLength">Bytes of a row.</param>
internal abstract class RowContent(long rowLength) : TensorContent
{
    /// <inheritdoc/>
    public sealed override void Copy(long offset, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            long within = offset % rowLength;
            int count = (int)Math.Min(target.Length, rowLength - within);
            CopyRow(offset / rowLength, within, target[..count]);
            target = target[count..];
            offset += count;
        }
    }

    /// <summary>Copies bytes of one row.</summary>
    /// <param name="row">Which, from 0.</param>
    /// <param name="offset">First byte, counted from the row's start.</param>
    /// <param name="target">Filled to its end, which is within the row.</param>
    protected abstract void CopyRow(long row, long offset, Span<byte> target);
}

/// <summary>Rows that each begin in one shard and go on in the next: shards that hold some of the columns.</summary>
/// <param name="parts">The parts from left to right; all have the same number of rows.</param>
/// <param name="partRowLength">Bytes that a row has in each part.</param>
internal sealed class SideBySideContent(TensorContent[] parts, long partRowLength) : RowContent(partRowLength * parts.Length)
{
    /// <inheritdoc/>
    protected override void CopyRow(long row, long offset, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            long within = offset % partRowLength;
            int count = (int)Math.Min(target.Length, partRowLength - within);
            parts[offset / partRowLength].Copy(row * partRowLength + within, target[..count]);
            target = target[count..];
            offset += count;
        }
    }
}

/// <summary>The rows of another tensor in another order.</summary>
/// <param name="inner">Where the rows are.</param>
/// <param name="rowLength">Bytes of a row.</param>
/// <param name="innerRow">From a row to where it is in the other tensor.</param>
internal sealed class ReorderedContent(TensorContent inner, long rowLength, Func<long, long> innerRow) : RowContent(rowLength)
{
    private readonly long _rowLength = rowLength;

    /// <inheritdoc/>
    protected override void CopyRow(long row, long offset, Span<byte> target) =>
        inner.Copy(innerRow(row) * _rowLength + offset, target);
}

/// <summary>A tensor whose elements lie in a storage at constant distances, such as a transposed view.</summary>
/// <param name="file">The file.</param>
/// <param name="start">First byte in the file of the tensor's first element.</param>
/// <param name="elementSize">Bytes of an element.</param>
/// <param name="shape">Extents, outermost first; none is 0.</param>
/// <param name="strides">Elements from one index of a dimension to the next.</param>
internal sealed class StridedContent(IByteSource file, long start, int elementSize, long[] shape, long[] strides)
    : RowContent(shape[^1] * elementSize)
{
    /// <inheritdoc/>
    protected override void CopyRow(long row, long offset, Span<byte> target)
    {
        long position = 0;
        for (int i = shape.Length - 2; i >= 0; i--)
        {
            position += row % shape[i] * strides[i];
            row /= shape[i];
        }

        long first = start + position * elementSize;
        while (!target.IsEmpty)
        {
            int within = (int)(offset % elementSize);
            int count = Math.Min(target.Length, elementSize - within);
            file.Read(first + offset / elementSize * strides[^1] * elementSize + within, count).CopyTo(target);
            target = target[count..];
            offset += count;
        }
    }
}
