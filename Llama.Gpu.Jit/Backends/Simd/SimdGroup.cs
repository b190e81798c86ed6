using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>What emitted code reads of the launch and of the group and vector it runs: filled in by the one who calls it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SimdGroup
{
    public int GroupX;
    public int GroupY;
    public int GroupZ;
    public int GroupDimX;
    public int GroupDimY;
    public int GroupDimZ;
    public int GridDimX;
    public int GridDimY;
    public int GridDimZ;
    public int DynamicSharedBytes;

    /// <summary>Index in the group of the vector's first lane.</summary>
    public int FirstLane;

    /// <summary>Lanes of the vector that exist; fewer than it has in the last vector of a group.</summary>
    public int LaneCount;

    /// <summary>Vectors of the group.</summary>
    public int VectorCount;

    /// <summary>How often a vector has found a phase complete that it waited for.</summary>
    public int PhasesPassed;

    /// <summary>Indices of the group's lanes in x, y and z, where the group has more than one dimension.</summary>
    public int* LaneX;
    public int* LaneY;
    public int* LaneZ;

    /// <summary>The group's memory: what the kernel allocates, then the dynamic part.</summary>
    public byte* Shared;
    public byte* DynamicShared;

    /// <summary>The lanes' own memory: each allocation as an array over the lanes of the group.</summary>
    public byte* Local;

    /// <summary>Values kept over barriers, of the first vector of the group.</summary>
    public byte* Frames;
}

/// <summary>
/// A compiled kernel: runs one vector of lanes from <paramref name="state"/> on, 0 being the start, to the next barrier, whose
/// number it returns, or to the end, where it returns -1.
/// </summary>
internal unsafe delegate int SimdVectorCode(long* arguments, SimdGroup* group, int state);
