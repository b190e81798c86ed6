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

    /// <summary>
    /// Says that the element at an index, and what shares its line of a cache, will be read soon. A hint for processors, where all lanes name
    /// one element or neighbouring ones; elsewhere nothing.
    /// </summary>
    /// <param name="view">A view of a buffer.</param>
    /// <param name="index">Counted from 0; anything: nothing is read.</param>
    /// <typeparam name="T">Element type.</typeparam>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch<T>(ArrayView<T> view, long index)
        where T : unmanaged
    {
        _ = view;
        _ = index;
    }
}
