using ILGPU.Runtime;

namespace ILGPU
{
    public readonly struct ArrayView<T>
        where T : unmanaged
    {
        public static readonly ArrayView<T> Empty;

        public ArrayView(MemoryBuffer source, long index, long length) => throw Stub.NothingRuns;

        public bool IsValid => throw Stub.NothingRuns;

        public long Length => throw Stub.NothingRuns;

        public int IntLength => throw Stub.NothingRuns;

        public long LengthInBytes => throw Stub.NothingRuns;

        public ref T this[int index] => throw Stub.NothingRuns;

        public ref T this[long index] => throw Stub.NothingRuns;

        public ref T this[Index1D index] => throw Stub.NothingRuns;

        public ref T this[LongIndex1D index] => throw Stub.NothingRuns;

        public ArrayView<T> SubView(long index) => throw Stub.NothingRuns;

        public ArrayView<T> SubView(int index, int subViewLength) => throw Stub.NothingRuns;

        public ArrayView<T> SubView(long index, long subViewLength) => throw Stub.NothingRuns;

        public ArrayView<TOther> Cast<TOther>()
            where TOther : unmanaged => throw Stub.NothingRuns;

        public static implicit operator ArrayView<T>(ArrayView1D<T, Stride1D.Dense> view) => throw Stub.NothingRuns;

        public static implicit operator ArrayView1D<T, Stride1D.Dense>(ArrayView<T> view) => throw Stub.NothingRuns;
    }

    public static class Stride1D
    {
        public readonly struct Dense;
    }
}

namespace ILGPU.Runtime
{
    public readonly struct ArrayView1D<T, TStride>
        where T : unmanaged
        where TStride : struct
    {
        public ArrayView<T> BaseView => throw Stub.NothingRuns;

        public ref T this[Index1D index] => throw Stub.NothingRuns;

        public ref T this[LongIndex1D index] => throw Stub.NothingRuns;
    }

    public abstract class MemoryBuffer : IDisposable
    {
        public IntPtr NativePtr => throw Stub.NothingRuns;

        public long Length => throw Stub.NothingRuns;

        public int ElementSize => throw Stub.NothingRuns;

        public long LengthInBytes => throw Stub.NothingRuns;

        public void Dispose() => throw Stub.NothingRuns;
    }

    public abstract class MemoryBuffer<TView> : MemoryBuffer
        where TView : struct
    {
        public TView View => throw Stub.NothingRuns;
    }

    public sealed class MemoryBuffer1D<T, TStride> : MemoryBuffer<ArrayView1D<T, TStride>>
        where T : unmanaged
        where TStride : struct
    {
        public LongIndex1D Extent => throw Stub.NothingRuns;

        public ArrayView<T> AsContiguous() => throw Stub.NothingRuns;
    }

    public static class ArrayViewExtensions
    {
        public static MemoryBuffer1D<T, Stride1D.Dense> Allocate1D<T>(this Accelerator accelerator, T[] data)
            where T : unmanaged => throw Stub.NothingRuns;

        public static void MemSetToZero<T>(this ArrayView<T> view)
            where T : unmanaged => throw Stub.NothingRuns;

        public static void MemSetToZero<T>(this ArrayView<T> view, AcceleratorStream stream)
            where T : unmanaged => throw Stub.NothingRuns;

        public static void CopyTo<T>(this ArrayView<T> source, AcceleratorStream stream, in ArrayView<T> target)
            where T : unmanaged => throw Stub.NothingRuns;

        public static void CopyFromCPU<T>(this ArrayView<T> view, T[] data)
            where T : unmanaged => throw Stub.NothingRuns;

        public static void CopyFromCPU<T>(this ArrayView<T> view, AcceleratorStream stream, T[] data)
            where T : unmanaged => throw Stub.NothingRuns;

        public static void CopyToCPU<T>(this ArrayView<T> view, T[] data)
            where T : unmanaged => throw Stub.NothingRuns;

        public static void CopyToCPU<T>(this ArrayView<T> view, AcceleratorStream stream, T[] data)
            where T : unmanaged => throw Stub.NothingRuns;

        public static T[] GetAsArray<T>(this ArrayView<T> view)
            where T : unmanaged => throw Stub.NothingRuns;

        public static T[] GetAsArray<T>(this ArrayView<T> view, AcceleratorStream stream)
            where T : unmanaged => throw Stub.NothingRuns;
    }
}
