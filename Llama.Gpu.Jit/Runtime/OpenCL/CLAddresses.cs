namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>Gives each buffer a range of numbers that stand for addresses, never the same one twice, and finds buffers by them.</summary>
internal sealed class CLAddresses
{
    // a view just past the end of a buffer must not look like the start of the next
    private const long Gap = 4096;

    private readonly Lock _lock = new();
    private readonly SortedList<nint, WeakReference<CLMemoryBuffer>> _buffers = [];
    private long _next = Gap;

    /// <summary>The first number of a new buffer.</summary>
    public nint Add(CLMemoryBuffer buffer)
    {
        lock (_lock)
        {
            nint start = (nint)_next;
            _next += ((buffer.LengthInBytes + Gap - 1) / Gap * Gap) + Gap;
            _buffers.Add(start, new(buffer));
            return start;
        }
    }

    /// <summary>Forgets a buffer.</summary>
    public void Remove(CLMemoryBuffer buffer)
    {
        lock (_lock)
        {
            _buffers.Remove(buffer.NativePtr);
        }
    }

    /// <summary>The buffer that a number within it stands for.</summary>
    public CLMemoryBuffer Find(nint address)
    {
        lock (_lock)
        {
            int low = 0;
            int high = _buffers.Count - 1;
            while (low < high)
            {
                int middle = (low + high + 1) / 2;
                (low, high) = _buffers.Keys[middle] <= address ? (middle, high) : (low, middle - 1);
            }

            return _buffers.Count > 0 && _buffers.Values[low].TryGetTarget(out CLMemoryBuffer? buffer)
                ? buffer
                : throw new ObjectDisposedException(nameof(MemoryBuffer), "the view's buffer has been disposed");
        }
    }
}
