namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// The shared memory of the group that runs: the n-th allocation of every lane is the n-th buffer here. Buffers stay for the
/// next group.
/// </summary>
internal sealed class SharedBufferPool(CPUAccelerator accelerator) : IDisposable
{
    private readonly List<CPUMemoryBuffer> _buffers = [];
    private int _allocated;
    private long _allocatedBytes;

    /// <summary>Begins a group: nothing is allocated.</summary>
    public void Reset()
    {
        _allocated = 0;
        _allocatedBytes = 0;
    }

    /// <summary>The group's allocation number <paramref name="number"/>, made by the first lane that asks for it.</summary>
    /// <exception cref="InvalidKernelOperationException">The lanes disagree on its size, or the group has no more shared memory.</exception>
    public CPUMemoryBuffer Get(int number, long length, int elementSize)
    {
        long bytes = checked(length * elementSize);
        if (number < _allocated)
        {
            return _buffers[number].LengthInBytes == bytes
                ? _buffers[number]
                : throw new InvalidKernelOperationException(
                    $"shared allocation {number} has {_buffers[number].LengthInBytes} bytes for other lanes and {bytes} for this one");
        }

        if (_allocatedBytes + bytes > accelerator.MaxSharedMemoryPerGroup)
        {
            throw new InvalidKernelOperationException(
                $"a group has {accelerator.MaxSharedMemoryPerGroup} bytes of shared memory, found {_allocatedBytes} in use and {bytes} asked for");
        }

        if (number == _buffers.Count)
        {
            _buffers.Add(new CPUMemoryBuffer(accelerator, length, elementSize, MemoryScope.Shared));
        }
        else if (_buffers[number].LengthInBytes != bytes || _buffers[number].ElementSize != elementSize)
        {
            _buffers[number].Dispose();
            _buffers[number] = new CPUMemoryBuffer(accelerator, length, elementSize, MemoryScope.Shared);
        }

        if (accelerator.Device.Sanitize)
        {
            _buffers[number].Fill(CPUAccelerator.Poison);
        }

        _allocated++;
        _allocatedBytes += bytes;
        return _buffers[number];
    }

    public void Dispose() => _buffers.ForEach(buffer => buffer.Dispose());
}
