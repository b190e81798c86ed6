namespace Llama.Gpu.Jit.Runtime;

/// <summary>Copies between views and the host. Those that name no stream use the accelerator's default one.</summary>
public static class ArrayViewExtensions
{
    /// <summary>Sets every byte to zero, in stream order.</summary>
    public static void MemSetToZero<T>(this ArrayView<T> view, AcceleratorStream? stream = null)
        where T : unmanaged => view.MemSet(0, stream);

    /// <summary>Sets every byte, in stream order.</summary>
    public static void MemSet<T>(this ArrayView<T> view, byte value, AcceleratorStream? stream = null)
        where T : unmanaged
    {
        if (view.Length > 0)
        {
            MemoryBuffer buffer = Live(view);
            buffer.MemSet(stream ?? buffer.Accelerator.DefaultStream, value, view.Address, view.LengthInBytes);
        }
    }

    /// <summary>Copies an array to the view's start.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The array is longer than the view.</exception>
    public static void CopyFromCPU<T>(this ArrayView<T> view, T[] data)
        where T : unmanaged => view.CopyFromCPU(null, data);

    /// <summary>Copies host memory to the view's start; done when it returns.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The span is longer than the view.</exception>
    public static unsafe void CopyFromCPU<T>(this ArrayView<T> view, AcceleratorStream? stream, ReadOnlySpan<T> data)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(data.Length, view.Length);
        if (data.Length > 0)
        {
            MemoryBuffer buffer = Live(view);
            fixed (T* source = data)
            {
                buffer.CopyFromHost(stream ?? buffer.Accelerator.DefaultStream, source, view.Address, (long)data.Length * sizeof(T));
            }
        }
    }

    /// <summary>Copies the view's start to an array.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The array is longer than the view.</exception>
    public static void CopyToCPU<T>(this ArrayView<T> view, T[] data)
        where T : unmanaged => view.CopyToCPU(null, data);

    /// <summary>Copies the view's start to host memory; done when it returns.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The span is longer than the view.</exception>
    public static unsafe void CopyToCPU<T>(this ArrayView<T> view, AcceleratorStream? stream, Span<T> data)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(data.Length, view.Length);
        if (data.Length > 0)
        {
            MemoryBuffer buffer = Live(view);
            fixed (T* target = data)
            {
                buffer.CopyToHost(stream ?? buffer.Accelerator.DefaultStream, view.Address, target, (long)data.Length * sizeof(T));
            }
        }
    }

    /// <summary>Copies to another view of the same accelerator and length, in stream order.</summary>
    /// <exception cref="ArgumentException">The views differ in length or belong to different accelerators.</exception>
    public static void CopyTo<T>(this ArrayView<T> source, ArrayView<T> target, AcceleratorStream? stream = null)
        where T : unmanaged
    {
        if (source.Length != target.Length)
        {
            throw new ArgumentException($"a view of {source.Length} elements cannot be copied to one of {target.Length}", nameof(target));
        }

        if (source.Length > 0)
        {
            MemoryBuffer from = Live(source);
            if (Live(target).Accelerator != from.Accelerator)
            {
                throw new ArgumentException("the views belong to different accelerators", nameof(target));
            }

            from.CopyWithin(stream ?? from.Accelerator.DefaultStream, source.Address, target.Address, source.LengthInBytes);
        }
    }

    /// <summary>The contents as a new array.</summary>
    public static T[] GetAsArray<T>(this ArrayView<T> view)
        where T : unmanaged
    {
        var data = new T[view.Length];
        view.CopyToCPU(data);
        return data;
    }

    private static MemoryBuffer Live<T>(ArrayView<T> view)
        where T : unmanaged
    {
        MemoryBuffer buffer = view.Source ?? throw new InvalidOperationException("the view has no memory behind it");
        ObjectDisposedException.ThrowIf(buffer.IsDisposed, buffer);
        return buffer;
    }
}
