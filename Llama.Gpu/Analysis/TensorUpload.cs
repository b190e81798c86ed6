using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Analysis;

/// <summary>Brings tensors, or rows of them, to a device by way of one small buffer.</summary>
/// <param name="checkpoint">Where they are read.</param>
/// <param name="budget">Where device memory is taken.</param>
/// <param name="purpose">What for; named where the budget has no room.</param>
internal sealed class TensorUpload(Checkpoint checkpoint, DeviceBudget budget, string purpose)
{
    private const int BufferBytes = 8 << 20;

    private byte[] _buffer = [];

    /// <summary>A whole tensor.</summary>
    public UploadedTensor Load(TensorInfo tensor) => Load(tensor, 0, tensor.ByteLength);

    /// <summary>Some bytes of a tensor, a whole number of elements.</summary>
    public UploadedTensor Load(TensorInfo tensor, long firstByte, long byteCount)
    {
        if (_buffer.Length == 0)
        {
            _buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
        }

        var memory = budget.Allocate<byte>(byteCount, purpose);
        try
        {
            for (long done = 0; done < byteCount; done += BufferBytes)
            {
                Span<byte> part = _buffer.AsSpan(0, (int)Math.Min(BufferBytes, byteCount - done));
                checkpoint.CopyTo(tensor, firstByte + done, part);
                memory.View.SubView(done, part.Length).CopyFromCPU(null, part);
            }

            return new(memory, new(tensor.Type, memory.View));
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }
}

/// <summary>A tensor on a device.</summary>
/// <param name="memory">What it lies in.</param>
/// <param name="view">The elements.</param>
internal sealed class UploadedTensor(DeviceMemory<byte> memory, WeightView view) : IDisposable
{
    /// <summary>The elements.</summary>
    public WeightView View => view;

    public void Dispose() => memory.Dispose();
}
