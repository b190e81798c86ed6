using System.Runtime.InteropServices;
using Llama.Gpu.Jit.Backends.Simd;

namespace Llama.Gpu.Jit.Runtime.Simd;

/// <summary>A worker's memory for the group that it runs: shared and local memory, frames, lane indices. Grows as needed.</summary>
internal sealed unsafe class SimdScratch : IDisposable
{
    private const int Alignment = 64;

    // of shared memory, for the boxes of tensor maps
    private const int SharedAlignment = TensorMap<Half>.BoxAlignment;

    private byte* _memory;
    private long _capacity;
    private int* _lanes;
    private Index3D _dimensions;
    private int _width;

    ~SimdScratch() => Free();

    /// <summary>Makes room and says where.</summary>
    public void Provide(ref SimdGroup group, int sharedBytes, int dynamicBytes, int localBytes, long frameBytes)
    {
        long dynamic = (sharedBytes + SharedAlignment - 1L) & -SharedAlignment;
        long local = dynamic + Align(dynamicBytes);
        long frames = local + Align(localBytes);
        long total = frames + Align(frameBytes) + Alignment;
        if (total > _capacity)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = (byte*)NativeMemory.AlignedAlloc((nuint)total, SharedAlignment);
            _capacity = total;
        }

        group.Shared = _memory;
        group.DynamicShared = _memory + dynamic;
        group.Local = _memory + local;
        group.Frames = _memory + frames;
    }

    /// <summary>Writes down the indices of each lane of a group; lanes past the last have that one's.</summary>
    public void ProvideLanes(ref SimdGroup group, Index3D dimensions, int width)
    {
        int lanes = dimensions.Size;
        int padded = (lanes + width - 1) / width * width;
        if (_lanes is null || _dimensions != dimensions || _width != width)
        {
            NativeMemory.AlignedFree(_lanes);
            _lanes = (int*)NativeMemory.AlignedAlloc((nuint)padded * 3 * sizeof(int), Alignment);
            for (int i = 0; i < padded; i++)
            {
                int lane = Math.Min(i, lanes - 1);
                _lanes[i] = lane % dimensions.X;
                _lanes[padded + i] = lane / dimensions.X % dimensions.Y;
                _lanes[(2 * padded) + i] = lane / dimensions.X / dimensions.Y;
            }

            _dimensions = dimensions;
            _width = width;
        }

        group.LaneX = _lanes;
        group.LaneY = _lanes + padded;
        group.LaneZ = _lanes + (2 * padded);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static long Align(long bytes) => (bytes + Alignment - 1) & -Alignment;

    private void Free()
    {
        NativeMemory.AlignedFree(_memory);
        NativeMemory.AlignedFree(_lanes);
        _memory = null;
        _lanes = null;
        _capacity = 0;
    }
}
