namespace Llama.Gpu.Jit.Runtime;

/// <summary>Memory of an accelerator.</summary>
public abstract class MemoryBuffer : IDisposable
{
    private protected MemoryBuffer(Accelerator accelerator, long length, int elementSize)
    {
        Accelerator = accelerator;
        Length = length;
        ElementSize = elementSize;
    }

    /// <summary>The accelerator it belongs to.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>Bytes of an element.</summary>
    public int ElementSize { get; }

    /// <summary>Number of bytes.</summary>
    public long LengthInBytes => Length * ElementSize;

    /// <summary>Where it lies, in the device's own terms.</summary>
    public nint NativePtr { get; private protected set; }

    /// <summary>Whether it has been disposed; views into it are then no longer valid.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>The buffer as bytes.</summary>
    public ArrayView<byte> AsRawArrayView() => new(this, 0, LengthInBytes);

    /// <summary>A part of the buffer as elements of <typeparamref name="T"/>.</summary>
    public ArrayView<T> AsArrayView<T>(long offset, long length)
        where T : unmanaged => new(this, offset, length);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!IsDisposed)
        {
            IsDisposed = true;
            Dispose(disposing: true);
            GC.SuppressFinalize(this);
        }
    }

    /// <summary>Copies from the host; done when it returns.</summary>
    internal abstract unsafe void CopyFromHost(AcceleratorStream stream, void* source, nint target, long bytes);

    /// <summary>Copies to the host; done when it returns.</summary>
    internal abstract unsafe void CopyToHost(AcceleratorStream stream, nint source, void* target, long bytes);

    /// <summary>Copies within the accelerator, in stream order.</summary>
    internal abstract void CopyWithin(AcceleratorStream stream, nint source, nint target, long bytes);

    /// <summary>Sets every byte, in stream order.</summary>
    internal abstract void MemSet(AcceleratorStream stream, byte value, nint target, long bytes);

    /// <summary>Frees the memory.</summary>
    protected abstract void Dispose(bool disposing);
}
