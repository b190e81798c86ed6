using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// Matrix products of a warp group: four neighbouring warps of 32 lanes, the first of which is a multiple of four (<c>wgmma</c>). Device
/// side: only inside a kernel. Operands lie in shared memory, rows of 128 bytes (64 elements) whose chunks of 16 bytes are swizzled as
/// <see cref="TensorMap{T}"/> brings them; sums lie with the lanes. Products run beside what the lanes go on to compute, until they are
/// waited for. CUDA devices of compute capability 9.0 have them (<c>sm_90a</c>). <c>simd</c> multiplies at once; <c>cpu</c> multiplies
/// when the lane waits, until when the sums hold bytes without meaning.
/// </summary>
public static class WarpGroup
{
    /// <summary>Lanes that work together.</summary>
    public const int Size = 128;

    /// <summary>
    /// Orders what lanes have done with their sums before a product that follows: before the first one, and after a lane has written a
    /// sum itself. Reached by all lanes of the warp group or none.
    /// </summary>
    public static void Fence() => _ = Lane.Active;

    /// <summary>
    /// Begins D = A * B^T + D: A (64, 16), B (N, 16), D (64, N) of f32. Lane l of warp w in its group holds of row 16 * w + l / 4 the
    /// columns 8 * j + 2 * (l % 4) and the next as sums 4 * j and 4 * j + 1, of row 16 * w + l / 4 + 8 as 4 * j + 2 and 4 * j + 3. On
    /// <c>cpu</c> and <c>simd</c> products are added as <see cref="TensorCore.MultiplyAdd{T}"/> adds them. Until <see cref="Wait"/> nobody
    /// may touch the sums, nor write the operands. Reached by all lanes of the warp group or none, with the same operands.
    /// </summary>
    /// <param name="sums">The whole of an array of <see cref="LocalMemory"/> of N / 2 elements.</param>
    /// <param name="columns">N, a constant: 64, 128 or 256.</param>
    /// <param name="a">A view of shared memory.</param>
    /// <param name="aIndex">Element (0, 0) of A before swizzling: at 0, 32, 64 or 96 bytes from a multiple of 1024.</param>
    /// <param name="b">A view of shared memory.</param>
    /// <param name="bIndex">Element (0, 0) of B, as that of A.</param>
    /// <param name="accumulate">Whether D is added; without, what the sums hold does not matter.</param>
    /// <typeparam name="T"><see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    public static void MultiplyAdd<T>(ArrayView<float> sums, int columns, ArrayView<T> a, int aIndex, ArrayView<T> b, int bIndex, bool accumulate)
        where T : unmanaged => Lane.Active.Products.Begin(sums, columns, a, aIndex, b, bIndex, accumulate);

    /// <summary>
    /// Begins D = A * B + D with A (64, 16) held by the lanes, as the sums of a product are once they are rounded in pairs: sums 8 * i to
    /// 8 * i + 7 of a product, two in a word, are the A of columns 16 * i and on. B (16, N) lies as rows, in blocks of 64 columns that are
    /// tiles each: so are values, a row for each key, multiplied where they lie. Otherwise as <see cref="MultiplyAdd{T}"/>.
    /// </summary>
    /// <remarks>
    /// PTX ISA, "Matrix fragments for wgmma.mma_async.m64nNk16": A is that of <c>mma.m16n8k16</c> for each warp's 16 rows. "Major-ness supported
    /// by Strides": of B, N-major and swizzled by 128 bytes, a descriptor has as leading distance that from 64 columns to the next, and as
    /// stride that from 8 rows to the next; so has CUTLASS, <c>cute/atom/mma_traits_sm90_gmma.hpp</c>, "Major-MN".
    /// </remarks>
    /// <param name="sums">The whole of an array of <see cref="LocalMemory"/> of N / 2 elements.</param>
    /// <param name="columns">N, a constant: 64, 128 or 256.</param>
    /// <param name="a">This lane's part of its warp's 16 rows of A.</param>
    /// <param name="b">A view of shared memory.</param>
    /// <param name="bIndex">Element (0, 0) of B before swizzling: at a multiple of 1024 bytes.</param>
    /// <param name="blockDistance">Elements from 64 columns to the next 64, a constant: a multiple of 512.</param>
    /// <param name="accumulate">Whether D is added; without, what the sums hold does not matter.</param>
    /// <typeparam name="T"><see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    public static void MultiplyAddHeld<T>(
        ArrayView<float> sums, int columns, MatrixFragmentA a, ArrayView<T> b, int bIndex, int blockDistance, bool accumulate)
        where T : unmanaged => Lane.Active.Products.BeginHeld(sums, columns, a, b, bIndex, blockDistance, accumulate);

    /// <summary>Makes a group of the products since the last call.</summary>
    public static void Commit() => Lane.Active.Products.Commit();

    /// <summary>
    /// Waits until at most <paramref name="pendingGroups"/> groups of products, the youngest, are not done. The lanes of a warp wait for
    /// each other, and are ordered as by <see cref="Warp.Barrier"/>.
    /// </summary>
    /// <param name="pendingGroups">A constant from 0 to 7.</param>
    /// <param name="line">Filled in by the C# compiler, for messages; no caller passes it.</param>
    public static void Wait(int pendingGroups, [CallerLineNumber] int line = 0)
    {
        Lane.Active.Products.Wait(pendingGroups);
        Lane.Active.WarpBarrier(line);
    }

    /// <summary>
    /// Raises the registers that a lane of this warp group has, once others have given theirs back (<c>setmaxnreg</c>). A matter of speed
    /// alone; only where each warp group takes a branch of its own.
    /// </summary>
    /// <param name="registers">A constant: a multiple of 8 from 24 to 256.</param>
    public static void IncreaseRegisters(int registers) => _ = registers;

    /// <summary>Gives registers of this warp group back, as <see cref="IncreaseRegisters"/> takes them.</summary>
    /// <param name="registers">A constant: a multiple of 8 from 24 to 256.</param>
    public static void DecreaseRegisters(int registers) => _ = registers;

    /// <summary>
    /// Lets products and asynchronous copies that follow see what this lane has stored in shared memory
    /// (<c>fence.proxy.async</c>); a barrier comes after it.
    /// </summary>
    public static void FenceStores() => _ = Lane.Active;
}
