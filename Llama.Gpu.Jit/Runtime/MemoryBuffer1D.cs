namespace Llama.Gpu.Jit.Runtime;

/// <summary>A buffer of <typeparamref name="T"/> in one dimension; owns its memory.</summary>
public sealed class MemoryBuffer1D<T, TStride> : IDisposable
    where T : unmanaged
    where TStride : struct, IStride1D
{
    internal MemoryBuffer1D(MemoryBuffer buffer)
    {
        Buffer = buffer;
        View = new(new ArrayView<T>(buffer, 0, buffer.Length));
    }

    /// <summary>The memory.</summary>
    public MemoryBuffer Buffer { get; }

    /// <summary>The whole of it.</summary>
    public ArrayView1D<T, TStride> View { get; }

    /// <summary>The accelerator it belongs to.</summary>
    public Accelerator Accelerator => Buffer.Accelerator;

    /// <summary>Number of elements.</summary>
    public long Length => Buffer.Length;

    /// <summary>Number of bytes.</summary>
    public long LengthInBytes => Buffer.LengthInBytes;

    /// <summary>The view of a buffer.</summary>
    public static implicit operator ArrayView1D<T, TStride>(MemoryBuffer1D<T, TStride> buffer) => buffer.View;

    /// <summary>Copies an array of at most <see cref="Length"/> elements to the buffer's start.</summary>
    public void CopyFromCPU(T[] data) => View.BaseView.CopyFromCPU(data);

    /// <summary>Copies the buffer's start to an array of at most <see cref="Length"/> elements.</summary>
    public void CopyToCPU(T[] data) => View.BaseView.CopyToCPU(data);

    /// <summary>Sets every byte to zero.</summary>
    public void MemSetToZero() => View.BaseView.MemSetToZero();

    /// <summary>The contents as a new array.</summary>
    public T[] GetAsArray1D() => View.BaseView.GetAsArray();

    /// <inheritdoc/>
    public void Dispose() => Buffer.Dispose();
}
