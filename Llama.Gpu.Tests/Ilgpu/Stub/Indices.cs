namespace ILGPU;

public readonly struct Index1D(int x)
{
    public int X => x;

    public int Size => throw Stub.NothingRuns;

    public static implicit operator Index1D(int index) => new(index);

    public static implicit operator int(Index1D index) => index.X;

    public static implicit operator LongIndex1D(Index1D index) => new(index.X);

    public static explicit operator uint(Index1D index) => (uint)index.X;
}

public readonly struct LongIndex1D(long x)
{
    public long X => x;

    public static implicit operator LongIndex1D(long index) => new(index);

    public static implicit operator long(LongIndex1D index) => index.X;

    public static explicit operator Index1D(LongIndex1D index) => new((int)index.X);
}

public readonly struct Index2D(int x, int y)
{
    public int X => x;

    public int Y => y;

    public static implicit operator Index2D((int X, int Y) index) => new(index.X, index.Y);
}

public readonly struct Index3D(int x, int y, int z)
{
    public int X => x;

    public int Y => y;

    public int Z => z;
}

public readonly struct SharedMemoryConfig(int numElements, int elementSize)
{
    public int ArraySize => numElements * elementSize;

    public static SharedMemoryConfig RequestDynamic<T>(int numElements)
        where T : unmanaged => throw Stub.NothingRuns;
}

public readonly struct KernelConfig
{
    public KernelConfig(Index1D gridDim, Index1D groupDim) => throw Stub.NothingRuns;

    public KernelConfig(Index1D gridDim, Index1D groupDim, SharedMemoryConfig sharedMemoryConfig) => throw Stub.NothingRuns;

    public KernelConfig(Index2D gridDim, Index2D groupDim) => throw Stub.NothingRuns;

    public KernelConfig(Index3D gridDim, Index3D groupDim) => throw Stub.NothingRuns;

    public KernelConfig(Index3D gridDim, Index3D groupDim, SharedMemoryConfig sharedMemoryConfig) => throw Stub.NothingRuns;

    public KernelConfig(int gridDimX, int gridDimY, int gridDimZ, int groupDimX, int groupDimY, int groupDimZ) => throw Stub.NothingRuns;

    public Index3D GridDim => throw Stub.NothingRuns;

    public Index3D GroupDim => throw Stub.NothingRuns;

    public SharedMemoryConfig SharedMemoryConfig => throw Stub.NothingRuns;

    public long Size => throw Stub.NothingRuns;

    public static implicit operator KernelConfig((Index1D GridDim, Index1D GroupDim) dimensions) => throw Stub.NothingRuns;

    public static implicit operator KernelConfig((Index3D GridDim, Index3D GroupDim) dimensions) => throw Stub.NothingRuns;
}

internal static class Stub
{
    public static Exception NothingRuns => new NotSupportedException("ILGPU's names alone: nothing runs on them");
}
