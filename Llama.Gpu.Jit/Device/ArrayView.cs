using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// A contiguous part of a buffer, of group-shared or of lane-local memory. An index outside it is always an error:
/// inside a kernel a <see cref="KernelIndexOutOfRangeException"/> that names kernel, group, lane and C# line.
/// </summary>
/// <typeparam name="T">Element type.</typeparam>
public readonly unsafe struct ArrayView<T>
    where T : unmanaged
{
    private readonly nint _address;

    /// <summary>A view of <paramref name="length"/> elements from element <paramref name="index"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the buffer.</exception>
    public ArrayView(MemoryBuffer source, long index, long length)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(index, source.LengthInBytes / sizeof(T) - length);
        Source = source;
        _address = source.NativePtr + (nint)(index * sizeof(T));
        Length = length;
    }

    private ArrayView(MemoryBuffer? source, nint address, long length)
    {
        Source = source;
        _address = address;
        Length = length;
    }

    /// <summary>The view of nothing.</summary>
    public static ArrayView<T> Empty => default;

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>Number of elements, which must fit 31 bits.</summary>
    public int IntLength => checked((int)Length);

    /// <summary>Number of bytes.</summary>
    public long LengthInBytes => Length * sizeof(T);

    /// <summary>Whether there is memory behind the view.</summary>
    public bool IsValid => Source is not null;

    /// <summary>What the view looks into.</summary>
    internal MemoryBuffer? Source { get; }

    /// <summary>Where its first element lies, in the source's address space.</summary>
    internal nint Address => _address;

    /// <summary>The element at <paramref name="index"/>, counted from 0.</summary>
    public ref T this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref this[(long)index];
    }

    /// <summary>The element at <paramref name="index"/>, counted from 0.</summary>
    public ref T this[Index1D index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref this[(long)index.X];
    }

    /// <summary>The element at <paramref name="index"/>, counted from 0.</summary>
    public ref T this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if ((ulong)index >= (ulong)Length)
            {
                ThrowOutOfRange(index);
            }

            if (Sanitizer.AnyActive)
            {
                Sanitizer.Touch(Source, _address + (nint)(index * sizeof(T)), sizeof(T));
            }

            return ref Unsafe.AsRef<T>((T*)_address + index);
        }
    }

    /// <summary>The view from element <paramref name="index"/> to the end.</summary>
    public ArrayView<T> SubView(long index) => SubView(index, Length - index);

    /// <summary>The view of <paramref name="subViewLength"/> elements from element <paramref name="index"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ArrayView<T> SubView(long index, long subViewLength)
    {
        if ((ulong)index > (ulong)Length || (ulong)subViewLength > (ulong)(Length - index))
        {
            ThrowOutOfRange(index, subViewLength);
        }

        return new(Source, _address + (nint)(index * sizeof(T)), subViewLength);
    }

    /// <summary>The view of <paramref name="subViewLength"/> elements from element <paramref name="index"/> on.</summary>
    public ArrayView<T> SubView(int index, int subViewLength) => SubView((long)index, subViewLength);

    /// <summary>The same memory as elements of another type; what does not fill a whole element is left out.</summary>
    public ArrayView<TOther> Cast<TOther>()
        where TOther : unmanaged => new(Source, _address, LengthInBytes / sizeof(TOther));

    private void ThrowOutOfRange(long index) =>
        throw new ViewRangeException($"index {index} is outside a view of {Length} elements of {typeof(T).Name}");

    private void ThrowOutOfRange(long index, long length) =>
        throw new ViewRangeException($"{length} elements from {index} on are outside a view of {Length} elements of {typeof(T).Name}");
}
