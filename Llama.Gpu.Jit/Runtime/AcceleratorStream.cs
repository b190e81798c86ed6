namespace Llama.Gpu.Jit.Runtime;

/// <summary>A queue of launches and copies that run in order.</summary>
public abstract class AcceleratorStream : IDisposable
{
    // the last one serves; the others may stand in launches that were captured
    private readonly List<MemoryBuffer> _scratch = [];

    private protected AcceleratorStream(Accelerator accelerator) => Accelerator = accelerator;

    /// <summary>The accelerator it belongs to.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>Waits until everything queued so far is done.</summary>
    public abstract void Synchronize();

    /// <summary>
    /// Device memory for what one launch on this stream hands to the next: kept until the stream is disposed. A later call, which may be
    /// of another operation, gives the same memory, or more. While a graph is captured there must be enough already.
    /// </summary>
    /// <param name="bytes">How much.</param>
    /// <exception cref="AcceleratorException">The device has no such memory.</exception>
    public ArrayView<byte> Scratch(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_scratch)
        {
            if (_scratch.Count == 0 || _scratch[^1].LengthInBytes < bytes)
            {
                _scratch.Add(Accelerator.AllocateRaw(bytes, 1));
            }

            return _scratch[^1].AsArrayView<byte>(0, bytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _scratch.ForEach(buffer => buffer.Dispose());
        _scratch.Clear();
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the driver holds for it.</summary>
    protected abstract void Dispose(bool disposing);
}
