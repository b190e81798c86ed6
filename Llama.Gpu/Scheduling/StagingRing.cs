using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime.Cuda;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// Pinned memory between file and device, in parts that are filled and copied in turn: it bounds what is pinned, however large the model.
/// A part is free again when its copy is done. For use by several threads.
/// </summary>
internal sealed class StagingRing : IDisposable
{
    private readonly CudaPinnedMemory _memory;
    private readonly Part[] _parts;
    private readonly int _partBytes;
    private int _next = -1;

    /// <param name="accelerator">Where it is copied to.</param>
    /// <param name="partBytes">Bytes of a part.</param>
    /// <param name="partCount">Number of parts; at least as many as threads that use the ring.</param>
    public StagingRing(CudaAccelerator accelerator, int partBytes, int partCount)
    {
        _partBytes = partBytes;
        _memory = accelerator.AllocatePinned((long)partBytes * partCount);
        _parts = new Part[partCount];
        try
        {
            for (int i = 0; i < partCount; i++)
            {
                _parts[i] = new Part(accelerator.CreateEvent());
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Fills the next part that is free and queues its copy.</summary>
    /// <param name="stream">Where the copy is queued.</param>
    /// <param name="target">At most a part long.</param>
    /// <param name="fill">Fills the part.</param>
    public void Copy(CudaStream stream, ArrayView<byte> target, SpanFiller fill)
    {
        int index = (int)((uint)Interlocked.Increment(ref _next) % (uint)_parts.Length);
        Part part = _parts[index];
        lock (part)
        {
            if (part.IsCopying)
            {
                part.Done.Synchronize();
                part.IsCopying = false;
            }

            long offset = (long)index * _partBytes;
            fill(_memory.Span(offset, (int)target.Length));
            _memory.CopyTo(stream, target, offset);
            part.Done.Record(stream);
            part.IsCopying = true;
        }
    }

    public void Dispose()
    {
        foreach (Part? part in _parts)
        {
            part?.Done.Dispose();
        }

        _memory.Dispose();
    }

    private sealed class Part(CudaEvent done)
    {
        public CudaEvent Done { get; } = done;

        public bool IsCopying { get; set; }
    }
}

/// <summary>Fills memory.</summary>
internal delegate void SpanFiller(Span<byte> destination);
