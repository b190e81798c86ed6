using System.Runtime.CompilerServices;

namespace Llama.Gpu.Jit;

/// <summary>
/// Reads of memory that a kernel passes over once: weights. What is read so need not stay in caches, where it would take the place of
/// what is read again, and nothing may write it while the kernel runs. A hint for CUDA; elsewhere a plain read.
/// </summary>
public static class StreamedMemory
{
    /// <summary>The element of a buffer's view at an index.</summary>
    /// <param name="view">A view of a buffer.</param>
    /// <param name="index">Counted from 0.</param>
    /// <typeparam name="T">Element type.</typeparam>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(ArrayView<T> view, int index)
        where T : unmanaged => view[index];
}
