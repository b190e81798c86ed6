namespace Llama.Gpu.Jit.Runtime;

/// <summary>A view in one dimension with its layout in the type.</summary>
/// <param name="BaseView">The elements.</param>
public readonly record struct ArrayView1D<T, TStride>(ArrayView<T> BaseView)
    where T : unmanaged
    where TStride : struct, IStride1D
{
    /// <summary>Number of elements.</summary>
    public long Length => BaseView.Length;

    /// <summary>Number of elements, which must fit 31 bits.</summary>
    public int IntLength => BaseView.IntLength;

    /// <summary>The element at <paramref name="index"/>.</summary>
    public ref T this[Index1D index] => ref BaseView[index];

    /// <summary>The plain view.</summary>
    public static implicit operator ArrayView<T>(ArrayView1D<T, TStride> view) => view.BaseView;

    /// <summary>The same view as elements in a row.</summary>
    public ArrayView<T> AsContiguous() => BaseView;

    /// <summary>A part of the view.</summary>
    public ArrayView1D<T, TStride> SubView(Index1D index, Index1D extent) => new(BaseView.SubView(index.X, extent.X));

    /// <summary>Copies an array to the view's start.</summary>
    public void CopyFromCPU(T[] data) => BaseView.CopyFromCPU(data);

    /// <summary>Copies the view's start to an array.</summary>
    public void CopyToCPU(T[] data) => BaseView.CopyToCPU(data);
}
