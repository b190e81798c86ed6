using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// Copies from buffers to shared memory that run beside what a lane goes on to compute, which ILGPU does not have. Device side: only
/// inside a kernel. Each lane begins copies, makes groups of them with <see cref="Commit"/> and waits for them with <see cref="Wait"/>;
/// the other lanes of its group see what was copied after a <see cref="Group.Barrier"/> that follows. Until then nobody may touch the
/// target, nor write the source. CUDA devices of compute capability 8.0 and up have them. <c>simd</c> copies at once. <c>cpu</c> delivers
/// when the lane waits, until when bytes without meaning stand in the target, and the sanitizer reports who touches them.
/// </summary>
public static class AsyncCopy
{
    /// <summary>Copies 4 bytes.</summary>
    /// <param name="target">A view of shared memory.</param>
    /// <param name="targetIndex">Where the copy goes; the address is a multiple of the bytes that are copied.</param>
    /// <param name="source">A view of a buffer.</param>
    /// <param name="sourceIndex">Where it comes from; the address is a multiple of the bytes that are copied.</param>
    /// <typeparam name="T">Element type, of at most as many bytes as are copied.</typeparam>
    public static void Copy4<T>(ArrayView<T> target, int targetIndex, ArrayView<T> source, long sourceIndex)
        where T : unmanaged => Lane.Active.Copies.Begin(target, targetIndex, source, sourceIndex, 4, 4);

    /// <summary>Copies 8 bytes.</summary>
    /// <inheritdoc cref="Copy4{T}"/>
    public static void Copy8<T>(ArrayView<T> target, int targetIndex, ArrayView<T> source, long sourceIndex)
        where T : unmanaged => Lane.Active.Copies.Begin(target, targetIndex, source, sourceIndex, 8, 8);

    /// <summary>Copies 16 bytes.</summary>
    /// <inheritdoc cref="Copy4{T}"/>
    public static void Copy16<T>(ArrayView<T> target, int targetIndex, ArrayView<T> source, long sourceIndex)
        where T : unmanaged => Lane.Active.Copies.Begin(target, targetIndex, source, sourceIndex, 16, 16);

    /// <summary>Copies the first of 16 bytes and sets the rest to zero: for the last elements of a row.</summary>
    /// <param name="target">A view of shared memory.</param>
    /// <param name="targetIndex">Where the copy goes; the address is a multiple of 16.</param>
    /// <param name="source">A view of a buffer.</param>
    /// <param name="sourceIndex">Where it comes from; the address is a multiple of 16.</param>
    /// <param name="sourceBytes">Bytes that are read, 0 to 16; with 0 none is, and only zeros are written.</param>
    /// <typeparam name="T">Element type, of at most 16 bytes.</typeparam>
    public static void Copy16<T>(ArrayView<T> target, int targetIndex, ArrayView<T> source, long sourceIndex, int sourceBytes)
        where T : unmanaged => Lane.Active.Copies.Begin(target, targetIndex, source, sourceIndex, 16, sourceBytes);

    /// <summary>Makes a group of this lane's copies since the last call; it may be empty.</summary>
    public static void Commit() => Lane.Active.Copies.Commit();

    /// <summary>Waits until at most <paramref name="pendingGroups"/> groups of this lane's copies, the youngest, are not done.</summary>
    /// <param name="pendingGroups">A constant from 0 to 7.</param>
    public static void Wait(int pendingGroups) => Lane.Active.Copies.Wait(pendingGroups);
}
